// weights as a file stores them: BF16, row-major, two to a word; each is the upper half of an f32
@group(0) @binding(1) var<storage, read> stored: array<u32>;

fn stored_at(i: u32) -> f32 {
  return bitcast<f32>((stored[i / 2u] >> (i % 2u * 16u)) << 16u);
}
