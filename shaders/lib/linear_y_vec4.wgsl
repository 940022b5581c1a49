// linear, O a multiple of 4: four outputs in one store
@group(0) @binding(3) var<storage, read_write> y: array<vec4<out_elem>>;
@group(0) @binding(5) var<storage, read> gate: array<vec4<f32>>;

fn write_y(row: u32, column: u32, value: vec4<f32>) {
  let at = row * (params.outs / 4u) + column;
  var v = value;
  if (params.has_gate == 1u) {
    v *= gate[gate_base(row) / 4u + column];
  }
  if (params.add_to == 1u) {
    v += vec4<f32>(y[at]);
  }
  if (OUT_F16) {
    v = clamp(v, vec4<f32>(-65504.0), vec4<f32>(65504.0)); // beyond lies infinity
  }
  y[at] = vec4<out_elem>(v);
}
