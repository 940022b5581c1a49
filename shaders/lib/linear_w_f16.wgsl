// linear, weights f16 [panel][k][8], read as words, for adapters without shader-f16
@group(0) @binding(2) var<storage, read> w: array<vec2<u32>>;

fn group_scale(panel: u32, group_in: u32, half: u32) -> vec4<f32> {
  return vec4<f32>(1.0);
}

fn read_w(panel: u32, k: u32, half: u32, factor: vec4<f32>) -> vec4<f32> {
  let words = w[(panel * params.steps * 4u + k) * 2u + half];
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}

fn scaled(sum: vec4<f32>, column: u32) -> vec4<f32> {
  return sum;
}
