// linear, weights i4 [panel][k]: a word is a panel's eight outputs, the first in the lowest bits
@group(0) @binding(2) var<storage, read> w: array<u32>;
@group(0) @binding(7) var<storage, read> scale: array<vec2<u32>>; // f16 [panel][ceil(K / 32)][8]

const INT8_UNIT = 0.0625; // value of 1 in read_int8

/// Row k of four outputs, a byte each: a weight's four bits are the byte's upper ones, which makes it 16 times as large and needs no sign extension.
fn read_int8(panel: u32, k: u32, half: u32) -> u32 {
  let nibbles = (w[panel * params.steps * 4u + k] >> (half * 16u)) & 0xffffu;
  let pairs = (nibbles | (nibbles << 8u)) & 0x00ff00ffu;
  return ((pairs << 4u) & 0x00f000f0u) | ((pairs << 8u) & 0xf000f000u);
}

fn group_scale(panel: u32, group_in: u32, half: u32) -> vec4<f32> {
  let words = scale[(panel * ((params.inner + 31u) / 32u) + group_in) * 2u + half];
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}

fn read_w(panel: u32, k: u32, half: u32, factor: vec4<f32>) -> vec4<f32> {
  let word = w[panel * params.steps * 4u + k] >> (half * 16u);
  return vec4<f32>(bitcast<vec4<i32>>(vec4<u32>(word) << vec4<u32>(28u, 24u, 20u, 16u)) >> vec4<u32>(28u)) * factor;
}

fn scaled(sum: vec4<f32>, column: u32) -> vec4<f32> {
  return sum;
}
