// linear, weights i8 [panel][k][8]: a word is four outputs; their scales are applied to the finished sum
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(7) var<storage, read> scale: array<vec4<f32>>; // zero-padded to whole panels

const INT8_UNIT = 1.0; // value of 1 in read_int8

/// Row k of four outputs, a byte each.
fn read_int8(panel: u32, k: u32, half: u32) -> u32 {
  return w[(panel * params.steps * 4u + k) * 2u + half];
}

fn group_scale(panel: u32, group_in: u32, half: u32) -> vec4<f32> {
  return vec4<f32>(1.0);
}

fn read_w(panel: u32, k: u32, half: u32, factor: vec4<f32>) -> vec4<f32> {
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(read_int8(panel, k, half)) << vec4<u32>(24u, 16u, 8u, 0u)) >> vec4<u32>(24u));
}

fn scaled(sum: vec4<f32>, column: u32) -> vec4<f32> {
  return sum * scale[column];
}
