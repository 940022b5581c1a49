// linear, K a multiple of 4: x[row, 4 step … 4 step + 3] in one load
@group(0) @binding(1) var<storage, read> x: array<vec4<elem>>;

fn read_x(row: u32, step: u32) -> vec4<f32> {
  return vec4<f32>(x[row * params.steps + step]);
}
