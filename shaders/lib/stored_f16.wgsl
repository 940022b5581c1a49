// weights as a file stores them: F16, row-major, two to a word
@group(0) @binding(1) var<storage, read> stored: array<u32>;

fn stored_at(i: u32) -> f32 {
  let pair = unpack2x16float(stored[i / 2u]);
  return select(pair.x, pair.y, i % 2u == 1u);
}
