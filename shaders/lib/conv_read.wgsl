// conv_read: four input channels of a pixel, zeros past the last channel and for pixel -1, which lies in the padding; one load where C is
// a multiple of 4
// prelude: elem = f16 | f32; C_BY_4 = bool; x_item = vec4<elem> with C_BY_4, else elem
@group(0) @binding(1) var<storage, read> x: array<x_item>;

fn read_channel(pixel: i32, channel: u32) -> f32 {
  let value = f32(vec4<elem>(x[u32(max(pixel, 0)) * params.channels + min(channel, params.channels - 1u)]).x);
  return select(0.0, value, pixel >= 0 && channel < params.channels);
}

fn read_x(pixel: i32, group: u32, groups: u32) -> vec4<f32> {
  if (C_BY_4) {
    return select(vec4<f32>(), vec4<f32>(vec4<elem>(x[u32(max(pixel, 0)) * groups + group])), pixel >= 0);
  }
  let c = group * 4u;
  return vec4<f32>(read_channel(pixel, c), read_channel(pixel, c + 1u), read_channel(pixel, c + 2u), read_channel(pixel, c + 3u));
}
