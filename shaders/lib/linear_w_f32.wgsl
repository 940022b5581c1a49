// linear, weights f32 [panel][k][8]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;

/// Four outputs (half 0 or 1 of a panel's eight) of row k.
fn read_w(panel: u32, k: u32, half: u32) -> vec4<f32> {
  return w[(panel * params.steps * 4u + k) * 2u + half];
}

fn scaled(sum: vec4<f32>, column: u32) -> vec4<f32> {
  return sum;
}
