// linear_x_halves: linear_x for f16 and K a multiple of 4, as two words, which software adapters load faster than four halves
@group(0) @binding(1) var<storage, read> x: array<vec2<u32>>;

fn read_x(row: u32, step: u32) -> vec4<f32> {
  let words = x[row * params.steps + step];
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}
