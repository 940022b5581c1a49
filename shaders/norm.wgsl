// norm: y[r,c] = act((n(x)[r,c] * w[c] + b[c]) * (1 + scale[r,c]) + shift[r,c]), as floats or as quantized activations
//   rms:   n(x)[r,c] = x[r,c] * rsqrt(mean_c(x²) + eps)
//   layer: n(x)[r,c] = (x[r,c] − mean_c(x)) * rsqrt(mean_c((x − mean)²) + eps), the mean first, because a one-pass variance suffers from cancellation
// x: [R, D] input; w, b: [D] f32; scale, shift: two slots of a table [U, S, D] f32, at row_of[r] of its first axis
// accumulates in f32; one item is ITEM neighboring channels: 4 where D % 4 == 0, else 1
// one workgroup: WG / LANES rows with LANES invocations each
// prelude: input = vec4<f16> | vec4<f32> | f16 | f32; item = vec4<f32> | f32; ITEM = 4 | 1; LAYER, HAS_WEIGHT, HAS_BIAS, MODULATED, SILU = bool;
//   LANES = a power of two. A binding whose flag is false is not read.
// libs: row_sum, norm_to_float or norm_to_int8 (which have the result and more prelude), groups

struct Params {
  rows: u32,
  items: u32, // per row
  size: f32, // D
  eps: f32,
  slots: u32, // S of the table
  scale_slot: u32,
  shift_slot: u32,
}

/// A row whose sums are known.
struct NormRow {
  index: u32,
  first: u32, // item of x
  mean: f32,
  factor: f32,
  scale: u32, // first item of the table
  shift: u32,
}

@group(0) @binding(1) var<storage, read> x: array<input>;
@group(0) @binding(2) var<storage, read> weight: array<item>;
@group(0) @binding(3) var<storage, read> bias: array<item>;
@group(0) @binding(4) var<storage, read> table: array<item>;
@group(0) @binding(5) var<storage, read> row_of: array<u32>;

fn item_sum(v: item) -> f32 {
  let channels = vec4<f32>(v);
  if (ITEM == 1u) {
    return channels.x;
  }
  return dot(channels, vec4<f32>(1));
}

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

fn run(group: u32, local: u32) {
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
