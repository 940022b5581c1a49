// packed weights f32: a word each
const PER_WORD = 1u;

fn code(value: f32, panel: u32, o: u32, k: u32) -> u32 {
  return bitcast<u32>(value);
}
