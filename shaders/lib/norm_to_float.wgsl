// norm, a result of floats
// y: [R, D] output
// prelude: output = vec4<f16> | vec4<f32> | f16 | f32; OUT_F16 = bool
@group(0) @binding(6) var<storage, read_write> y: array<output>;

fn write_row(row: NormRow, lane: u32) {
  for (var i = lane; i < params.items; i += LANES) {
    var v = normed(row, i);
    if (OUT_F16) {
      v = clamp(v, item(-65504f), item(65504f));
    }
    y[row.first + i] = output(v);
  }
}
