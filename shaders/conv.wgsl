// conv: y[r, o] = act(bias[o] + sum over taps and c of x[pixel(r, tap), c] * w[tap, c, o]) (+ residual[r, o])
// x: [F, H, W, C] elem, channels last; y, residual: [F', H', W', O] out_elem, residual_elem; bias: f32 [O up to 4s]
// w: [tap][C/4][O/4] blocks of 4 input by 4 output channels, column = input channel, zero where C or O is no multiple of 4
// an implicit matrix product: rows are output pixels, K = kt*kh*kw*C; sums in f32
// one invocation: 4 rows x 4*GROUPS output channels in registers; one workgroup: WG*4 rows x the same channels, so that
// its weight reads are one address for all (a broadcast); no workgroup memory, no barriers
// dispatch (ceil(rows / (4*WG)), ceil(O/4 / GROUPS), 1)
// prelude: elem, weight_elem, residual_elem, out_elem = f16 | f32, WG, GROUPS = 1..4, REFLECT, SILU, HAS_RESIDUAL, HALF_OUT = bool
// libs: conv_read_{vec4,scalar}, conv_write_{vec4,scalar}
// names are unrolled by hand: software adapters keep indexed arrays in memory

struct Dims {
  frames: u32,
  height: u32,
  width: u32,
  channels: u32,
  out_height: u32,
  out_width: u32,
  outs: u32,
  row_offset: u32,
  row_end: u32,
  kernel_t: u32,
  kernel_y: u32,
  kernel_x: u32,
  stride_t: u32,
  stride_y: u32,
  stride_x: u32,
  pad_t: u32,
  pad_y: u32,
  pad_x: u32,
}

// f16 stores clamp: beyond it lies Inf
const OUT_LIMIT = select(3.4028234e38f, 65504.0f, HALF_OUT);

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(2) var<storage, read> w: array<mat4x4<weight_elem>>;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;

/// Top left corner of a row's window in x: (frame, y, x), before padding is looked at.
fn window(row: u32) -> vec3<i32> {
  let plane = dims.out_height * dims.out_width;
  let frame = row / plane;
  let pixel = row % plane;
  let corner = vec3<u32>(frame * dims.stride_t, (pixel / dims.out_width) * dims.stride_y, (pixel % dims.out_width) * dims.stride_x);
  return vec3<i32>(corner) - vec3<i32>(vec3<u32>(dims.pad_t, dims.pad_y, dims.pad_x));
}

/// Index of the pixel at a window's tap, or -1 in the zero padding. Time replicates its ends.
fn pixel_at(corner: vec3<i32>, tap: vec3<i32>) -> i32 {
  let size = vec3<i32>(vec3<u32>(dims.frames, dims.height, dims.width));
  var p = corner + tap;
  p.x = clamp(p.x, 0, size.x - 1);
  if (REFLECT) {
    let mirrored = min(abs(p.yz), 2 * (size.yz - 1) - p.yz);
    p = vec3<i32>(p.x, clamp(mirrored, vec2<i32>(0), size.yz - 1));
  }
  let inside = all(p.yz >= vec2<i32>(0)) && all(p.yz < size.yz);
  return select(-1, (p.x * size.y + p.y) * size.z + p.z, inside);
}

fn activate(value: vec4<f32>) -> vec4<f32> {
  if (SILU) {
    return value / (1.0 + exp(-value));
  }
  return value;
}

fn finish(row: u32, group: u32, sum: vec4<f32>) {
  if (row < dims.row_end && group * 4u < dims.outs) {
    write_y(row, group, activate(sum + bias[group]));
  }
}

@compute @workgroup_size(WG)
fn main(@builtin(global_invocation_id) id: vec3<u32>, @builtin(workgroup_id) block: vec3<u32>) {
  let row = dims.row_offset + id.x * 4u;
  let first_group = block.y * GROUPS;
  let last_row = dims.row_end - 1u;
  let corner0 = window(min(row, last_row));
  let corner1 = window(min(row + 1u, last_row));
  let corner2 = window(min(row + 2u, last_row));
  let corner3 = window(min(row + 3u, last_row));
  let in_groups = (dims.channels + 3u) / 4u;
  let out_groups = (dims.outs + 3u) / 4u;

  var a0 = vec4<f32>(); var a1 = vec4<f32>(); var a2 = vec4<f32>(); var a3 = vec4<f32>();
  var b0 = vec4<f32>(); var b1 = vec4<f32>(); var b2 = vec4<f32>(); var b3 = vec4<f32>();
  var c0 = vec4<f32>(); var c1 = vec4<f32>(); var c2 = vec4<f32>(); var c3 = vec4<f32>();
  var d0 = vec4<f32>(); var d1 = vec4<f32>(); var d2 = vec4<f32>(); var d3 = vec4<f32>();

  var block_at = first_group;
  for (var t = 0u; t < dims.kernel_t; t++) {
    for (var dy = 0u; dy < dims.kernel_y; dy++) {
      for (var dx = 0u; dx < dims.kernel_x; dx++) {
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
          let wa = mat4x4<f32>(w[block_at]);
          a0 += wa * x0; a1 += wa * x1; a2 += wa * x2; a3 += wa * x3;
          if (GROUPS > 1u) {
            let wb = mat4x4<f32>(w[block_at + 1u]);
            b0 += wb * x0; b1 += wb * x1; b2 += wb * x2; b3 += wb * x3;
          }
          if (GROUPS > 2u) {
            let wc = mat4x4<f32>(w[block_at + 2u]);
            c0 += wc * x0; c1 += wc * x1; c2 += wc * x2; c3 += wc * x3;
          }
          if (GROUPS > 3u) {
            let wd = mat4x4<f32>(w[block_at + 3u]);
            d0 += wd * x0; d1 += wd * x1; d2 += wd * x2; d3 += wd * x3;
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
  if (GROUPS > 2u) {
    let group = first_group + 2u;
    finish(row, group, c0); finish(row + 1u, group, c1); finish(row + 2u, group, c2); finish(row + 3u, group, c3);
  }
  if (GROUPS > 3u) {
    let group = first_group + 3u;
    finish(row, group, d0); finish(row + 1u, group, d1); finish(row + 2u, group, d2); finish(row + 3u, group, d3);
  }
}
