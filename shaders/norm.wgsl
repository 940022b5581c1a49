// norm: y[r,c] = act((n(x)[r,c] * w[c] + b[c]) * (1 + scale[r,c]) + shift[r,c])
//   rms:   n(x)[r,c] = x[r,c] * rsqrt(mean_c(x²) + eps)
//   layer: n(x)[r,c] = (x[r,c] − mean_c(x)) * rsqrt(mean_c((x − mean)²) + eps), the mean taken first: a one-pass variance cancels
// x: [R, D] input; y: [R, D] output; w, b: [D] f32; scale, shift: [U, S, D] f32 tables, of which row r takes [row_of[r], slot]
// accumulates in f32; one item is 4 neighbouring channels where D % 4 == 0, else 1
// one workgroup does WG / LANES rows with LANES invocations each; groups first_group … end_group − 1, folded over x and y
// prelude: input, output = vec4<f16> | vec4<f32> | f16 | f32; item = vec4<f32> | f32; OUT_F16, LAYER, HAS_WEIGHT, HAS_BIAS,
//   HAS_SCALE, HAS_SHIFT, SILU = bool; WG, LANES = powers of two. A binding whose HAS_… is false is not read.
// lib: row_sum, and item_vec4 or item_scalar
struct Params {
  first_group: u32,
  end_group: u32,
  rows: u32,
  items: u32, // per row
  size: f32, // D
  eps: f32,
  scale_slots: u32, // S of each table
  scale_slot: u32,
  shift_slots: u32,
  shift_slot: u32,
}
@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> x: array<input>;
@group(0) @binding(2) var<storage, read_write> y: array<output>;
@group(0) @binding(3) var<storage, read> weight: array<item>;
@group(0) @binding(4) var<storage, read> bias: array<item>;
@group(0) @binding(5) var<storage, read> scale: array<item>;
@group(0) @binding(6) var<storage, read> scale_row: array<u32>;
@group(0) @binding(7) var<storage, read> shift: array<item>;
@group(0) @binding(8) var<storage, read> shift_row: array<u32>;

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
  let row = min(wanted_row, params.rows - 1u); // the last group's spare lanes redo the last row and write nothing
  let lane = local % LANES;
  let base = row * params.items;

  var mean = 0f;
  if (LAYER) {
    var sum = item(0);
    for (var i = lane; i < params.items; i += LANES) {
      sum += item(x[base + i]);
    }
    mean = row_sum(local, item_sum(sum)) / params.size;
  }
  var squares = item(0);
  for (var i = lane; i < params.items; i += LANES) {
    let v = item(x[base + i]) - mean;
    squares += v * v;
  }
  let factor = inverseSqrt(row_sum(local, item_sum(squares)) / params.size + params.eps);
  if (wanted_row >= params.rows) {
    return;
  }

  var scale_base = 0u;
  if (HAS_SCALE) {
    scale_base = (scale_row[row] * params.scale_slots + params.scale_slot) * params.items;
  }
  var shift_base = 0u;
  if (HAS_SHIFT) {
    shift_base = (shift_row[row] * params.shift_slots + params.shift_slot) * params.items;
  }
  for (var i = lane; i < params.items; i += LANES) {
    var v = (item(x[base + i]) - mean) * factor;
    if (HAS_WEIGHT) {
      v *= weight[i];
    }
    if (HAS_BIAS) {
      v += bias[i];
    }
    if (HAS_SCALE) {
      v *= 1f + scale[scale_base + i];
    }
    if (HAS_SHIFT) {
      v += shift[shift_base + i];
    }
    if (SILU) {
      v /= 1f + exp(min(-v, item(80f))); // exp of more would overflow
    }
    if (OUT_F16) {
      v = clamp(v, item(-65504f), item(65504f));
    }
    y[base + i] = output(v);
  }
}
