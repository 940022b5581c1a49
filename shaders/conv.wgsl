// conv: y[r, o] = act(bias[o] + sum over taps and c of x[pixel(r, tap), c] * w[tap, c, o]) (+ residual[r, o])
// an implicit matrix product: rows are output pixels, K = kt*kh*kw*C; sums in f32; shapes in lib/conv_window
// for software adapters, whose workgroup memory is ordinary memory: no barriers; an invocation keeps 4 rows x 4*GROUPS output channels in
// registers, and a workgroup does 4*WG rows x the same channels, so that all its invocations read the same weights
// dispatch (ceil(rows / (4*WG)), ceil(O/4 / GROUPS), 1)
// prelude: elem, x_item and C_BY_4 as in conv_read; weight_elem, residual_elem, out_elem = f16 | f32, WG, GROUPS = 1 | 2, REFLECT, SILU, HAS_RESIDUAL, HALF_OUT = bool
// libs: conv_window, conv_read, conv_write_{vec4,scalar}, conv_main_{plain,subgroups}
// sums are unrolled by hand: software adapters keep indexed arrays in memory

/// `invocation` of this dispatch; `block` of 4*GROUPS output channels; `lane` in the subgroup, for conv_main_subgroups.
fn convolve(invocation: u32, block: u32, lane: u32) {
  let row = params.row_offset + invocation * 4u;
  let first_group = block * GROUPS;
  let last_row = params.row_end - 1u;
  let corner0 = window(min(row, last_row));
  let corner1 = window(min(row + 1u, last_row));
  let corner2 = window(min(row + 2u, last_row));
  let corner3 = window(min(row + 3u, last_row));
  let in_groups = (params.channels + 3u) / 4u;
  let out_groups = (params.outs + 3u) / 4u;

  var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
  var b0 = vec4<f32>(); var b1 = vec4<f32>(); var b2 = vec4<f32>(); var b3 = vec4<f32>();

  var block_at = first_group;
  for (var t = 0u; t < params.kernel_t; t++) {
    for (var dy = 0u; dy < params.kernel_y; dy++) {
      for (var dx = 0u; dx < params.kernel_x; dx++) {
        let tap = vec3<i32>(vec3<u32>(t, dy, dx));
        let pixel0 = pixel_at(corner0, tap);
        let pixel1 = pixel_at(corner1, tap);
        let pixel2 = pixel_at(corner2, tap);
        let pixel3 = pixel_at(corner3, tap);
        for (var group = 0u; group < in_groups; group++) {
          let x0 = read_x(pixel0, group, in_groups);
          let x1 = read_x(pixel1, group, in_groups);
          let x2 = read_x(pixel2, group, in_groups);
          let x3 = read_x(pixel3, group, in_groups);
          let wa = read_w(block_at, lane);
          a0 += wa * x0; a1 += wa * x1; a2 += wa * x2; a3 += wa * x3;
          if (GROUPS > 1u) {
            let wb = read_w(block_at + 1u, lane);
            b0 += wb * x0; b1 += wb * x1; b2 += wb * x2; b3 += wb * x3;
          }
          block_at += out_groups;
        }
      }
    }
  }

  finish(row, first_group, a0); finish(row + 1u, first_group, a1); finish(row + 2u, first_group, a2); finish(row + 3u, first_group, a3);
  if (GROUPS > 1u) {
    let group = first_group + 1u;
    finish(row, group, b0); finish(row + 1u, group, b1); finish(row + 2u, group, b2); finish(row + 3u, group, b3);
  }
}
