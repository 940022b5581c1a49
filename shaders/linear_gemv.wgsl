// linear_gemv: linear for at most 8 rows (time embeddings), which is bound by reading the weights
// y[m, o] = act(sum over k of x[m, k] * w[o, k] + b[o]), or y[m, o] += gate[m, o] * that
// x: [M, K] elem; y: [M, O] out_elem; w: panels of 8 outputs, [O/8][K][8] f32 | f16 | i8 | i4; scale, b: f32; sums in f32
// one workgroup: one panel and 4 rows; each invocation does every 32nd group of four k, for one half of the panel
// dispatch (ceil(rows / 4), panels, 1)
// prelude: elem, x_item and K_BY_4 as in linear_x; out_elem = f16 | f32, OUT_F16 = bool
// libs: linear_shared, linear_x, linear_w_{f32,f16,i8,i4}, activation, linear_y_{vec4,scalar}

const LANES = 32u; // invocations that share four outputs
var<workgroup> partial: array<vec4<f32>, 256>; // [4 rows][2 halves][LANES]

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = params.row_offset + group.x * 4u;
  let panel = params.panel_offset + group.y;
  let last = params.row_end - 1u;
  let half = local % 2u;
  let lane = local / 2u;
  var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
  for (var step = lane; step < params.steps; step += LANES) {
    let k = step * 4u;
    let s = group_scale(panel, k / 32u, half);
    let wa = mat4x4<f32>(
      read_w(panel, k, half, s), read_w(panel, k + 1u, half, s), read_w(panel, k + 2u, half, s), read_w(panel, k + 3u, half, s));
    a0 += wa * read_x(min(row, last), step);
    a1 += wa * read_x(min(row + 1u, last), step);
    a2 += wa * read_x(min(row + 2u, last), step);
    a3 += wa * read_x(min(row + 3u, last), step);
  }
  let at = half * LANES + lane;
  partial[at] = a0; partial[at + 64u] = a1; partial[at + 128u] = a2; partial[at + 192u] = a3;
  workgroupBarrier();
  if (local < 8u) { // one for each row and half; lanes from `steps` on have no sum
    var sum = vec4<f32>();
    for (var i = 0u; i < min(LANES, params.steps); i++) {
      sum += partial[local * LANES + i];
    }
    finish(row + local / 2u, panel * 2u + local % 2u, sum);
  }
}
