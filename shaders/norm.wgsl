// norm: y[r,c] = act((n(x)[r,c] * w[c] + b[c]) * (1 + scale[r,c]) + shift[r,c]), or its int8 codes
//   rms:   n(x)[r,c] = x[r,c] * rsqrt(mean_c(x²) + eps)
//   layer: n(x)[r,c] = (x[r,c] − mean_c(x)) * rsqrt(mean_c((x − mean)²) + eps), the mean taken first: a one-pass variance cancels
// x: [R, D] input; w, b: [D] f32; scale, shift: two slots of a table [U, S, D] f32, of whose first axis row r takes row_of[r]
// accumulates in f32; one item is 4 neighbouring channels where D % 4 == 0, else 1
// one workgroup does WG / LANES rows with LANES invocations each; groups first_group … end_group − 1, folded over x and y
// prelude: input = vec4<f16> | vec4<f32> | f16 | f32; item = vec4<f32> | f32; LAYER, HAS_WEIGHT, HAS_BIAS, MODULATED, SILU = bool;
//   WG, LANES = powers of two. A binding whose flag is false is not read.
// libs: row_sum, item_vec4 or item_scalar, norm_params, norm_to_float or norm_to_int8 (which have y and more prelude)

@group(0) @binding(1) var<storage, read> x: array<input>;
@group(0) @binding(2) var<storage, read> weight: array<item>;
@group(0) @binding(3) var<storage, read> bias: array<item>;
@group(0) @binding(4) var<storage, read> table: array<item>;
@group(0) @binding(5) var<storage, read> row_of: array<u32>;

/// Item i of a row.
fn normed(row: NormRow, i: u32) -> item {
  var v = (item(x[row.first + i]) - row.mean) * row.factor;
  if (HAS_WEIGHT) {
    v *= weight[i];
  }
  if (HAS_BIAS) {
    v += bias[i];
  }
  if (MODULATED) {
    v = v * (1f + table[row.scale + i]) + table[row.shift + i];
  }
  if (SILU) {
    v /= 1f + exp(min(-v, item(80f))); // exp of more would overflow
  }
  return v;
}

@compute @workgroup_size(WG)
fn main(
  @builtin(workgroup_id) group_id: vec3u,
  @builtin(num_workgroups) grid: vec3u,
  @builtin(local_invocation_index) local: u32,
) {
  let group = params.first_group + group_id.x + group_id.y * grid.x;
  if (group >= params.end_group) {
    return;
  }
  let wanted_row = group * (WG / LANES) + local / LANES;
  let lane = local % LANES;
  var row = NormRow();
  row.index = min(wanted_row, params.rows - 1u); // the last group's spare lanes redo the last row and write nothing
  row.first = row.index * params.items;

  if (LAYER) {
    var sum = item(0);
    for (var i = lane; i < params.items; i += LANES) {
      sum += item(x[row.first + i]);
    }
    row.mean = row_sum(local, item_sum(sum)) / params.size;
  }
  var squares = item(0);
  for (var i = lane; i < params.items; i += LANES) {
    let v = item(x[row.first + i]) - row.mean;
    squares += v * v;
  }
  row.factor = inverseSqrt(row_sum(local, item_sum(squares)) / params.size + params.eps);
  if (wanted_row >= params.rows) {
    return;
  }
  if (MODULATED) {
    let slots = row_of[row.index] * params.slots;
    row.scale = (slots + params.scale_slot) * params.items;
    row.shift = (slots + params.shift_slot) * params.items;
  }
  write_row(row, lane);
}
