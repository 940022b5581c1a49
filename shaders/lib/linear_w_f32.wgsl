// linear, weights f32 [panel][k][8]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;

/// What the 32 rows of a group are multiplied with: i4 has a scale for each, which a kernel reads once for some of them.
fn group_scale(panel: u32, group_in: u32, half: u32) -> vec4<f32> {
  return vec4<f32>(1.0);
}

/// Four outputs (half 0 or 1 of a panel's eight) of row k. of_group: group_scale(panel, k / 32, half)
fn read_w(panel: u32, k: u32, half: u32, of_group: vec4<f32>) -> vec4<f32> {
  return w[(panel * params.steps * 4u + k) * 2u + half];
}

fn scaled(sum: vec4<f32>, column: u32) -> vec4<f32> {
  return sum;
}
