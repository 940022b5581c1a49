// conv, O a multiple of 4: four channels a store.
@group(0) @binding(4) var<storage, read> residual: array<vec4<residual_elem>>;
@group(0) @binding(5) var<storage, read_write> y: array<vec4<out_elem>>;

fn write_y(row: u32, group: u32, value: vec4<f32>) {
  let at = (row * params.all_outs + params.first_out) / 4u + group;
  var sum = value;
  if (HAS_RESIDUAL) {
    sum += vec4<f32>(residual[at]);
  }
  y[at] = vec4<out_elem>(clamp(sum, vec4<f32>(-OUT_LIMIT), vec4<f32>(OUT_LIMIT)));
}
