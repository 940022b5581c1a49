// linear: what is done with a finished sum of four neighbouring outputs (column = output / 4): scale, bias, activation
@group(0) @binding(4) var<storage, read> bias: array<vec4<f32>>; // zero-padded to whole panels
@group(0) @binding(6) var<storage, read> gate_row: array<u32>;

/// Where the gate's row for this token begins in its table.
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
