// conv, any O: the last group may have fewer than four channels.
@group(0) @binding(4) var<storage, read> residual: array<residual_elem>;
@group(0) @binding(5) var<storage, read_write> y: array<out_elem>;

fn write_y(row: u32, group: u32, value: vec4<f32>) {
  for (var i = 0u; i < min(4u, params.outs - group * 4u); i++) {
    let at = row * params.all_outs + params.first_out + group * 4u + i;
    var sum = value[i];
    if (HAS_RESIDUAL) {
      sum += f32(residual[at]);
    }
    y[at] = out_elem(clamp(sum, -OUT_LIMIT, OUT_LIMIT));
  }
}
