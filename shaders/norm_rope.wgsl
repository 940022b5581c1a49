// norm_rope: y[r, 2i], y[r, 2i+1] = rotate(n[r, 2i], n[r, 2i+1]; angle[r % positions, i]),  rotate(a, b) = (a·cos − b·sin, a·sin + b·cos)
//   n[r,c] = x[r,c] * rsqrt(mean_c(x²) + eps) * w[c] with NORM, else x[r,c]; the mean is over the whole row, all heads together
// x: [R, D] input; y: [R, D] output; w: [D] f32; cosine, sine: [positions, D/2] f32; accumulates in f32
// one item is a pair of neighboring channels
// one workgroup: WG / LANES rows with LANES invocations each
// prelude: input, output = vec2<f16> | vec2<f32>; OUT_F16, NORM, HAS_WEIGHT, ROPE = bool; LANES = a power of two
//   A binding whose flag is false is not read.
// libs: row_sum, groups

struct Params {
  rows: u32,
  pairs: u32, // D / 2
  positions: u32,
  eps: f32,
}
@group(0) @binding(1) var<storage, read> x: array<input>;
@group(0) @binding(2) var<storage, read_write> y: array<output>;
@group(0) @binding(3) var<storage, read> weight: array<vec2f>;
@group(0) @binding(4) var<storage, read> cosine: array<f32>;
@group(0) @binding(5) var<storage, read> sine: array<f32>;

fn run(group: u32, local: u32) {
  let wanted_row = group * (WG / LANES) + local / LANES;
  let row = min(wanted_row, params.rows - 1u); // the last group's spare lanes redo the last row and write nothing
  let lane = local % LANES;
  let base = row * params.pairs;

  var factor = 1f;
  if (NORM) {
    var squares = 0f;
    for (var i = lane; i < params.pairs; i += LANES) {
      let v = vec2f(x[base + i]);
      squares += dot(v, v);
    }
    factor = inverseSqrt(row_sum(local, squares) / f32(2u * params.pairs) + params.eps);
  }
  if (wanted_row >= params.rows) {
    return;
  }

  let angles = (row % params.positions) * params.pairs;
  for (var i = lane; i < params.pairs; i += LANES) {
    var v = vec2f(x[base + i]) * factor;
    if (HAS_WEIGHT) {
      v *= weight[i];
    }
    if (ROPE) {
      let c = cosine[angles + i];
      let s = sine[angles + i];
      v = vec2f(v.x * c - v.y * s, v.x * s + v.y * c);
    }
    if (OUT_F16) {
      v = clamp(v, vec2f(-65504f), vec2f(65504f));
    }
    y[base + i] = output(v);
  }
}
