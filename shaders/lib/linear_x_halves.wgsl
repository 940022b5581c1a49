// linear, K a multiple of 4, x in f16: x[row, 4 step … 4 step + 3] as two words, which software adapters gather faster than four halves
@group(0) @binding(1) var<storage, read> x: array<vec2<u32>>;

fn read_x(row: u32, step: u32) -> vec4<f32> {
  let words = x[row * params.steps + step];
  return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}
