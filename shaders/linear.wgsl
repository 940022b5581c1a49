// linear: y[m, o] = act(sum over k of x[m, k] * w[o, k] + b[o]), or y[m, o] += gate[m, o] * that
// x: [M, K] elem; y: [M, O] out_elem; w: panels of 8 outputs, [O/8][K][8] f32 | f16 | i8 | i4; scale, b: f32; sums in f32
// one workgroup: a tile of TILE_M rows x 64 outputs (variants tile64 and tile128); 16 columns of x and of w at a time pass through workgroup
// memory, weights as floats; each of TILE_M invocations keeps 8 rows x 8 outputs in registers
// dispatch (ceil(rows / TILE_M), ceil(panels / 8), 1)
// prelude: elem, x_item and K_BY_4 as in linear_x; out_elem = f16 | f32, OUT_F16 = bool, TILE_M = 64 | 128
// with 128 rows each multiplication needs half as many weight reads and conversions; reads of workgroup memory, barriers and all sums, to
// the bit, are the same. 14 336 bytes of workgroup memory: 32 columns at a time would take 26 624, over the 16 KiB that every adapter has
// libs: linear_shared, linear_x, linear_w_{f32,f16,i8,i4}, activation, linear_y_{vec4,scalar}
// sums are unrolled by hand, so that no compiler keeps them in memory

const X_STRIDE = 5u; // vec4s a row of x_tile: one more than its four, which puts neighboring rows into different banks
const ROW_STEP = TILE_M / 8u; // from one row of an invocation to its next
const X_STEP = ROW_STEP * X_STRIDE;
var<workgroup> x_tile: array<vec4<f32>, TILE_M * X_STRIDE>; // [rows][X_STRIDE], four neighboring k in a vec4
var<workgroup> w_tile: array<vec4<f32>, 256>; // [16 k][16 columns], four neighboring outputs in a vec4

@compute @workgroup_size(TILE_M)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first_row = params.row_offset + group.x * TILE_M;
  let first_panel = params.panel_offset + group.y * 8u;
  let tile_row = local / 8u; // this invocation's rows are tile_row + ROW_STEP r
  let tile_column = local % 8u; // and its columns of four outputs tile_column and tile_column + 8

  var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
  var a4 = vec4<f32>(); var a5 = vec4<f32>(); var a6 = vec4<f32>(); var a7 = vec4<f32>();
  var b0 = vec4<f32>(); var b1 = vec4<f32>(); var b2 = vec4<f32>(); var b3 = vec4<f32>();
  var b4 = vec4<f32>(); var b5 = vec4<f32>(); var b6 = vec4<f32>(); var b7 = vec4<f32>();

  for (var step = 0u; step < params.steps; step += 4u) {
    for (var i = 0u; i < 4u; i++) {
      let x_row = local / 4u + i * (TILE_M / 4u);
      let x_step = step + local % 4u;
      var value = vec4<f32>();
      if (x_step < params.steps) {
        value = read_x(min(first_row + x_row, params.row_end - 1u), x_step);
      }
      x_tile[x_row * X_STRIDE + local % 4u] = value;
    }
    for (var at = local; at < 256u; at += TILE_M) {
      let tile_panel = at / 32u;
      let tile_k = at % 32u / 2u;
      let half = at % 2u;
      let panel = min(first_panel + tile_panel, params.panel_end - 1u);
      // past the last row of w any finite value is correct: x_tile is zero there
      let k = min(step * 4u + tile_k, params.steps * 4u - 1u);
      w_tile[tile_k * 16u + tile_panel * 2u + half] = read_w(panel, k, half, group_scale(panel, k / 32u, half));
    }
    workgroupBarrier();
    for (var s = 0u; s < min(4u, params.steps - step); s++) {
      let at = s * 64u + tile_column;
      let wa = mat4x4<f32>(w_tile[at], w_tile[at + 16u], w_tile[at + 32u], w_tile[at + 48u]);
      let wb = mat4x4<f32>(w_tile[at + 8u], w_tile[at + 24u], w_tile[at + 40u], w_tile[at + 56u]);
      let row_at = tile_row * X_STRIDE + s;
      let x0 = x_tile[row_at]; a0 += wa * x0; b0 += wb * x0;
      let x1 = x_tile[row_at + X_STEP]; a1 += wa * x1; b1 += wb * x1;
      let x2 = x_tile[row_at + 2u * X_STEP]; a2 += wa * x2; b2 += wb * x2;
      let x3 = x_tile[row_at + 3u * X_STEP]; a3 += wa * x3; b3 += wb * x3;
      let x4 = x_tile[row_at + 4u * X_STEP]; a4 += wa * x4; b4 += wb * x4;
      let x5 = x_tile[row_at + 5u * X_STEP]; a5 += wa * x5; b5 += wb * x5;
      let x6 = x_tile[row_at + 6u * X_STEP]; a6 += wa * x6; b6 += wb * x6;
      let x7 = x_tile[row_at + 7u * X_STEP]; a7 += wa * x7; b7 += wb * x7;
    }
    workgroupBarrier();
  }

  let row = first_row + tile_row;
  let column = first_panel * 2u + tile_column;
  // a loop that shifts the sums along instead of eight copies of its body, which take software adapters seconds to compile
  for (var r = row; r < min(row + TILE_M, params.row_end); r += ROW_STEP) {
    finish(r, column, a0); finish(r, column + 8u, b0);
    a0 = a1; a1 = a2; a2 = a3; a3 = a4; a4 = a5; a5 = a6; a6 = a7;
    b0 = b1; b1 = b2; b2 = b3; b3 = b4; b4 = b5; b5 = b6; b6 = b7;
  }
}
