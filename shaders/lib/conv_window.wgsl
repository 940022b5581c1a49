// conv_window: the uniforms of the conv kernels, the position of a row's window in x, and what follows a finished sum
// x: [F, H, W, C] elem, channels last; y, residual: [F', H', W', O] out_elem, residual_elem; bias: f32 [O up to 4s]
// w: [tap][C/4][outs/4] blocks of 4 input by 4 output channels, column = input channel, zero-padded where C or O is no multiple of 4;
// one shard: the output channels first_out … first_out + outs - 1

struct Params {
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
  // output channels of all shards, and the first of this one, a multiple of 4
  all_outs: u32,
  first_out: u32,
}

// f16 stores clamp: beyond lies infinity
const OUT_LIMIT = select(3.4028234e38f, 65504.0f, HALF_OUT);

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(3) var<storage, read> bias: array<vec4<f32>>;

/// Top left corner of a row's window in x: (frame, y, x), before padding.
fn window(row: u32) -> vec3<i32> {
  let plane = params.out_height * params.out_width;
  let frame = row / plane;
  let pixel = row % plane;
  let corner = vec3<u32>(frame * params.stride_t, (pixel / params.out_width) * params.stride_y, (pixel % params.out_width) * params.stride_x);
  return vec3<i32>(corner) - vec3<i32>(vec3<u32>(params.pad_t, params.pad_y, params.pad_x));
}

/// Index of the pixel at a window's tap, or -1 in the zero padding. Time replicates its ends.
fn pixel_at(corner: vec3<i32>, tap: vec3<i32>) -> i32 {
  let size = vec3<i32>(vec3<u32>(params.frames, params.height, params.width));
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
  if (row < params.row_end && group * 4u < params.outs) {
    write_y(row, group, activate(sum + bias[params.first_out / 4u + group]));
  }
}
