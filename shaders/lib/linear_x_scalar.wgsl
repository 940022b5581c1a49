// linear, any K: x[row, 4 step … 4 step + 3], zeros past the row's end
@group(0) @binding(1) var<storage, read> x: array<elem>;

fn read_channel(row: u32, k: u32) -> f32 {
  return select(0.0, f32(x[row * params.inner + min(k, params.inner - 1u)]), k < params.inner);
}

fn read_x(row: u32, step: u32) -> vec4<f32> {
  let k = step * 4u;
  return vec4<f32>(read_channel(row, k), read_channel(row, k + 1u), read_channel(row, k + 2u), read_channel(row, k + 3u));
}
