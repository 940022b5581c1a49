// linear, any O: the last column may have fewer than four outputs
@group(0) @binding(3) var<storage, read_write> y: array<out_elem>;
@group(0) @binding(5) var<storage, read> gate: array<f32>;

fn write_y(row: u32, column: u32, value: vec4<f32>) {
  let first = column * 4u;
  for (var i = 0u; i < min(4u, params.outs - first); i++) {
    let at = row * params.outs + first + i;
    var v = value[i];
    if (params.has_gate == 1u) {
      v *= gate[gate_base(row) + first + i];
    }
    if (params.add_to == 1u) {
      v += f32(y[at]);
    }
    if (OUT_F16) {
      v = clamp(v, -65504.0, 65504.0); // beyond lies infinity
    }
    y[at] = out_elem(v);
  }
}
