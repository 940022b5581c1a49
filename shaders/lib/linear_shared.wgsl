// linear_shared: the uniforms of all linear kernels, and what follows a finished sum of four neighboring outputs (column = output / 4):
// scale, bias, activation
// bias, activation, residual and gate are uniforms, not prelude: one compiled kernel then serves a whole model
struct Params {
  row_offset: u32, // of this dispatch
  row_end: u32,
  panel_offset: u32, // panels are 8 outputs wide
  panel_end: u32,
  inner: u32, // K
  steps: u32, // ceil(K / 4)
  outs: u32, // O
  has_bias: u32,
  activation: u32, // 0 none, 1 GELU (tanh), 2 SiLU
  add_to: u32,
  has_gate: u32,
  gate_slots: u32,
  gate_slot: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>; // zero-padded to whole panels
@group(0) @binding(6) var<storage, read> gate_row: array<u32>;

/// Index of the first element of this token's gate row.
fn gate_base(row: u32) -> u32 {
  return (gate_row[row] * params.gate_slots + params.gate_slot) * params.outs;
}

fn finish(row: u32, column: u32, sum: vec4<f32>) {
  if (row >= params.row_end || column * 4u >= params.outs) {
    return;
  }
  var value = scaled(sum, column);
  if (params.has_bias == 1u) {
    value += bias[column];
  }
  if (params.activation == 1u) {
    value = gelu_tanh(value);
  }
  if (params.activation == 2u) {
    value = silu(value);
  }
  write_y(row, column, value);
}
