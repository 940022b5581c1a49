// conv, C a multiple of 4: four channels a load. A pixel of -1 lies in the padding.
@group(0) @binding(1) var<storage, read> x: array<vec4<elem>>;

fn read_x(pixel: i32, group: u32, groups: u32) -> vec4<f32> {
  let value = vec4<f32>(x[u32(max(pixel, 0)) * groups + group]);
  return select(vec4<f32>(), value, pixel >= 0);
}
