// linear_direct: y[m, o] = act(sum over k of x[m, k] * w[o, k] + b[o]), or y[m, o] += gate[m, o] * that
// x: [M, K] elem; y: [M, O] out_elem; w: panels of 8 outputs, [O/8][K][8] f32 | f16 | i8 | i4; scale, b: f32; sums in f32
// for software adapters, whose "workgroup memory" is ordinary memory: no barriers, one invocation keeps 4 rows x 8 outputs in
// registers, and the workgroup's invocations share a panel, so that a weight read is one address for all
// dispatch (ceil(rows / (4*WG)), panels, 1)
// prelude: elem, out_elem = f16 | f32, WG, HAS_BIAS, GELU, SILU, HAS_GATE, ADD_TO, OUT_F16 = bool
// libs: linear_params, linear_x_{vec4,scalar}, linear_w_{f32,f16,i8,i4}, activation, linear_finish, linear_y_{vec4,scalar}
// names are unrolled by hand: software adapters keep indexed arrays in memory

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
  let row = params.row_offset + id.x * 4u;
  let panel = params.panel_offset + group.y;
  let last = params.row_end - 1u;
  let row0 = min(row, last);
  let row1 = min(row + 1u, last);
  let row2 = min(row + 2u, last);
  let row3 = min(row + 3u, last);
  var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
  var b0 = vec4<f32>(); var b1 = vec4<f32>(); var b2 = vec4<f32>(); var b3 = vec4<f32>();
  for (var step = 0u; step < params.steps; step++) {
    let k = step * 4u;
    let wa = mat4x4<f32>(read_w(panel, k, 0u), read_w(panel, k + 1u, 0u), read_w(panel, k + 2u, 0u), read_w(panel, k + 3u, 0u));
    let wb = mat4x4<f32>(read_w(panel, k, 1u), read_w(panel, k + 1u, 1u), read_w(panel, k + 2u, 1u), read_w(panel, k + 3u, 1u));
    let x0 = read_x(row0, step); a0 += wa * x0; b0 += wb * x0;
    let x1 = read_x(row1, step); a1 += wa * x1; b1 += wb * x1;
    let x2 = read_x(row2, step); a2 += wa * x2; b2 += wb * x2;
    let x3 = read_x(row3, step); a3 += wa * x3; b3 += wb * x3;
  }
  let column = panel * 2u;
  finish(row, column, a0); finish(row, column + 1u, b0);
  finish(row + 1u, column, a1); finish(row + 1u, column + 1u, b1);
  finish(row + 2u, column, a2); finish(row + 2u, column + 1u, b2);
  finish(row + 3u, column, a3); finish(row + 3u, column + 1u, b3);
}
