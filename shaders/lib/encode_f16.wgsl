// packed weights f16: two to a word; needs half_bits
const PER_WORD = 2u;

fn code(value: f32, panel: u32, o: u32, k: u32) -> u32 {
  return half_bits(value);
}
