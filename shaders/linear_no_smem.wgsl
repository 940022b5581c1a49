// linear_no_smem: y[m, o] = act(sum over k of x[m, k] * w[o, k] + b[o]), or y[m, o] += gate[m, o] * that
// x: [M, K] elem; y: [M, O] out_elem; w: panels of 8 outputs, [O/8][K][8] f32 | f16 | i8 | i4; scale, b: f32; sums in f32
// for software adapters, whose workgroup memory is ordinary memory: no barriers; an invocation keeps 8 rows x 8 outputs in registers, and
// all invocations of a workgroup read the same weights
// dispatch (ceil(rows / (8*WG)), panels, 1)
// prelude: elem, x_item and K_BY_4 as in linear_x; out_elem = f16 | f32, WG, OUT_F16 = bool
// libs: linear_shared, linear_x or linear_x_halves, linear_w_{f32,f16,i8,i4}, activation, linear_y_{vec4,scalar}
// sums are unrolled by hand: software adapters keep indexed arrays in memory

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) group: vec3<u32>) {
  let row = params.row_offset + id.x * 8u;
  let panel = params.panel_offset + group.y;
  let last = params.row_end - 1u;
  var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
  var a4 = vec4<f32>(); var a5 = vec4<f32>(); var a6 = vec4<f32>(); var a7 = vec4<f32>();
  var b0 = vec4<f32>(); var b1 = vec4<f32>(); var b2 = vec4<f32>(); var b3 = vec4<f32>();
  var b4 = vec4<f32>(); var b5 = vec4<f32>(); var b6 = vec4<f32>(); var b7 = vec4<f32>();
  for (var step = 0u; step < params.steps; step++) {
    let k = step * 4u;
    let sa = group_scale(panel, step / 8u, 0u);
    let sb = group_scale(panel, step / 8u, 1u);
    let wa = mat4x4<f32>(
      read_w(panel, k, 0u, sa), read_w(panel, k + 1u, 0u, sa), read_w(panel, k + 2u, 0u, sa), read_w(panel, k + 3u, 0u, sa));
    let wb = mat4x4<f32>(
      read_w(panel, k, 1u, sb), read_w(panel, k + 1u, 1u, sb), read_w(panel, k + 2u, 1u, sb), read_w(panel, k + 3u, 1u, sb));
    let x0 = read_x(min(row, last), step); a0 += wa * x0; b0 += wb * x0;
    let x1 = read_x(min(row + 1u, last), step); a1 += wa * x1; b1 += wb * x1;
    let x2 = read_x(min(row + 2u, last), step); a2 += wa * x2; b2 += wb * x2;
    let x3 = read_x(min(row + 3u, last), step); a3 += wa * x3; b3 += wb * x3;
    let x4 = read_x(min(row + 4u, last), step); a4 += wa * x4; b4 += wb * x4;
    let x5 = read_x(min(row + 5u, last), step); a5 += wa * x5; b5 += wb * x5;
    let x6 = read_x(min(row + 6u, last), step); a6 += wa * x6; b6 += wb * x6;
    let x7 = read_x(min(row + 7u, last), step); a7 += wa * x7; b7 += wb * x7;
  }
  let column = panel * 2u;
  // a loop that shifts the sums along instead of eight copies of its body, which take software adapters seconds to compile
  for (var r = row; r < min(row + 8u, params.row_end); r++) {
    finish(r, column, a0); finish(r, column + 1u, b0);
    a0 = a1; a1 = a2; a2 = a3; a3 = a4; a4 = a5; a5 = a6; a6 = a7;
    b0 = b1; b1 = b2; b2 = b3; b3 = b4; b4 = b5; b5 = b6; b6 = b7;
  }
}
