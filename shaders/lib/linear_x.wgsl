// linear_x: x[row, 4 step … 4 step + 3], zeros past the row's end; one load where K is a multiple of 4
// prelude: elem = f16 | f32; K_BY_4 = bool; x_item = vec4<elem> with K_BY_4, else elem
@group(0) @binding(1) var<storage, read> x: array<x_item>;

fn read_channel(row: u32, k: u32) -> f32 {
  return select(0.0, f32(vec4<elem>(x[row * params.inner + min(k, params.inner - 1u)]).x), k < params.inner);
}

fn read_x(row: u32, step: u32) -> vec4<f32> {
  if (K_BY_4) {
    return vec4<f32>(vec4<elem>(x[row * params.steps + step]));
  }
  let k = step * 4u;
  return vec4<f32>(read_channel(row, k), read_channel(row, k + 1u), read_channel(row, k + 2u), read_channel(row, k + 3u));
}
