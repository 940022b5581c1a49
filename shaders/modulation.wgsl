// modulation: y[u, l, p] = values[u, p] + tables[first + l, p]: the modulation of consecutive layers for each distinct timestep
// values: [U, P] f32; tables: [layers of the model, P] f32; y: [U, L, P] f32
// libs: elements, groups

struct Params {
  period: u32, // P
  layers: u32, // L · P
  skipped: u32, // first · P
}

@group(0) @binding(1) var<storage, read> values: array<f32>;
@group(0) @binding(2) var<storage, read> tables: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<f32>;

fn element(at: u32) {
  let row = at / params.layers;
  let column = at % params.layers;
  y[at] = values[row * params.period + column % params.period] + tables[params.skipped + column];
}
