// linear, weights f32 [panel][k][8]
@group(0) @binding(2) var<storage, read> w: array<vec4<f32>>;

/// The factor of a group of 32 inputs. Only i4 has one; a kernel reads it once for several rows of the group.
fn group_scale(panel: u32, group_in: u32, half: u32) -> vec4<f32> {
  return vec4<f32>(1.0);
}

/// Four outputs (half 0 or 1 of a panel's eight) of row k; factor = group_scale(panel, k / 32, half)
fn read_w(panel: u32, k: u32, half: u32, factor: vec4<f32>) -> vec4<f32> {
  return w[(panel * params.steps * 4u + k) * 2u + half];
}

/// The finished sum of four outputs, times the scale of each output if there is one.
fn scaled(sum: vec4<f32>, column: u32) -> vec4<f32> {
  return sum;
}
