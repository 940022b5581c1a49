// conv_tile: y[r, o] = act(bias[o] + sum over taps and c of x[pixel(r, tap), c] * w[tap, c, o]) (+ residual[r, o])
// an implicit matrix product: rows are output pixels, K = kt*kh*kw*C; sums in f32; shapes in lib/conv_window
// for GPUs: one workgroup does 64 rows x 64 output channels, 16 of K at a time through workgroup memory; an invocation keeps 8 rows x 8
// output channels in registers
// dispatch (ceil(rows / 64), ceil(O / 64), 1)
// prelude: elem, x_item and C_BY_4 as in conv_read; weight_elem, residual_elem, out_elem = f16 | f32, REFLECT, SILU, HAS_RESIDUAL, HALF_OUT = bool
// libs: conv_window, conv_read, conv_write_{vec4,scalar}

@group(0) @binding(2) var<storage, read> w: array<vec4<weight_elem>>;

const X_STRIDE = 5u; // vec4s a row of x_tile: one more than its four, which puts neighboring rows into different banks
const W_STRIDE = 17u; // likewise for the 16 groups of four output channels
var<workgroup> x_tile: array<vec4<f32>, 320>; // [64 rows][X_STRIDE], four input channels in a vec4
var<workgroup> w_tile: array<vec4<f32>, 272>; // [16 of K][W_STRIDE], four output channels in a vec4

fn put_x(row: u32, column: u32, pixel: i32, group: u32, in_groups: u32, steps_left: bool) {
  var value = vec4<f32>();
  if (steps_left) {
    value = read_x(pixel, group, in_groups);
  }
  x_tile[row * X_STRIDE + column] = value;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) tile: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first_row = params.row_offset + tile.x * 64u;
  let first_group = tile.y * 16u;
  let last_row = params.row_end - 1u;
  let in_groups = (params.channels + 3u) / 4u;
  let out_groups = (params.outs + 3u) / 4u;
  let steps = params.kernel_t * params.kernel_y * params.kernel_x * in_groups;

  // this invocation loads column load_step of rows load_row + 16 i
  let load_row = local / 4u;
  let load_step = local % 4u;
  let corner0 = window(min(first_row + load_row, last_row));
  let corner1 = window(min(first_row + load_row + 16u, last_row));
  let corner2 = window(min(first_row + load_row + 32u, last_row));
  let corner3 = window(min(first_row + load_row + 48u, last_row));
  // it computes rows tile_row + 8 r, groups of output channels tile_column and tile_column + 8
  let tile_row = local / 8u;
  let tile_column = local % 8u;

  var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
  var a4 = vec4<f32>(); var a5 = vec4<f32>(); var a6 = vec4<f32>(); var a7 = vec4<f32>();
  var b0 = vec4<f32>(); var b1 = vec4<f32>(); var b2 = vec4<f32>(); var b3 = vec4<f32>();
  var b4 = vec4<f32>(); var b5 = vec4<f32>(); var b6 = vec4<f32>(); var b7 = vec4<f32>();

  for (var step = 0u; step < steps; step += 4u) {
    let x_step = step + load_step;
    let group = x_step % in_groups;
    let tap = x_step / in_groups;
    let plane = params.kernel_y * params.kernel_x;
    let offset = vec3<i32>(vec3<u32>(tap / plane, (tap % plane) / params.kernel_x, tap % params.kernel_x));
    put_x(load_row, load_step, pixel_at(corner0, offset), group, in_groups, x_step < steps);
    put_x(load_row + 16u, load_step, pixel_at(corner1, offset), group, in_groups, x_step < steps);
    put_x(load_row + 32u, load_step, pixel_at(corner2, offset), group, in_groups, x_step < steps);
    put_x(load_row + 48u, load_step, pixel_at(corner3, offset), group, in_groups, x_step < steps);
    for (var i = 0u; i < 4u; i++) {
      // past the ends of w any finite value is correct: x_tile is zero there, or the sum is not stored
      let block = min(step + i, steps - 1u) * out_groups + min(first_group + local / 4u, out_groups - 1u);
      w_tile[(i * 4u + local % 4u) * W_STRIDE + local / 4u] = vec4<f32>(w[block * 4u + local % 4u]);
    }
    workgroupBarrier();
    for (var s = 0u; s < 4u; s++) {
      let at = s * 4u * W_STRIDE + tile_column;
      let wa = mat4x4<f32>(w_tile[at], w_tile[at + W_STRIDE], w_tile[at + 2u * W_STRIDE], w_tile[at + 3u * W_STRIDE]);
      let wb = mat4x4<f32>(w_tile[at + 8u], w_tile[at + W_STRIDE + 8u], w_tile[at + 2u * W_STRIDE + 8u], w_tile[at + 3u * W_STRIDE + 8u]);
      let row_at = tile_row * X_STRIDE + s;
      let x0 = x_tile[row_at]; a0 += wa * x0; b0 += wb * x0;
      let x1 = x_tile[row_at + 8u * X_STRIDE]; a1 += wa * x1; b1 += wb * x1;
      let x2 = x_tile[row_at + 16u * X_STRIDE]; a2 += wa * x2; b2 += wb * x2;
      let x3 = x_tile[row_at + 24u * X_STRIDE]; a3 += wa * x3; b3 += wb * x3;
      let x4 = x_tile[row_at + 32u * X_STRIDE]; a4 += wa * x4; b4 += wb * x4;
      let x5 = x_tile[row_at + 40u * X_STRIDE]; a5 += wa * x5; b5 += wb * x5;
      let x6 = x_tile[row_at + 48u * X_STRIDE]; a6 += wa * x6; b6 += wb * x6;
      let x7 = x_tile[row_at + 56u * X_STRIDE]; a7 += wa * x7; b7 += wb * x7;
    }
    workgroupBarrier();
  }

  let row = first_row + tile_row;
  let group = first_group + tile_column;
  finish(row, group, a0); finish(row, group + 8u, b0);
  finish(row + 8u, group, a1); finish(row + 8u, group + 8u, b1);
  finish(row + 16u, group, a2); finish(row + 16u, group + 8u, b2);
  finish(row + 24u, group, a3); finish(row + 24u, group + 8u, b3);
  finish(row + 32u, group, a4); finish(row + 32u, group + 8u, b4);
  finish(row + 40u, group, a5); finish(row + 40u, group + 8u, b5);
  finish(row + 48u, group, a6); finish(row + 48u, group + 8u, b6);
  finish(row + 56u, group, a7); finish(row + 56u, group + 8u, b7);
}
