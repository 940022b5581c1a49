// weights as a file stores them: F32, row-major
@group(0) @binding(1) var<storage, read> stored: array<u32>;

fn stored_at(i: u32) -> f32 {
  return bitcast<f32>(stored[i]);
}
