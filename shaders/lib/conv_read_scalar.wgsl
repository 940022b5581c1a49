// conv, any C: channels past the last read as 0. A pixel of -1 lies in the padding.
@group(0) @binding(1) var<storage, read> x: array<elem>;

fn read_channel(pixel: i32, channel: u32) -> f32 {
  let value = f32(x[u32(max(pixel, 0)) * dims.channels + min(channel, dims.channels - 1u)]);
  return select(0.0, value, pixel >= 0 && channel < dims.channels);
}

fn read_x(pixel: i32, group: u32, groups: u32) -> vec4<f32> {
  let c = group * 4u;
  return vec4<f32>(read_channel(pixel, c), read_channel(pixel, c + 1u), read_channel(pixel, c + 2u), read_channel(pixel, c + 3u));
}
