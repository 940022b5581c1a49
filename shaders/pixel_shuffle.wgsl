// pixel_shuffle: y[f*t + dt - dropped, h*p + py, w*p + px, c] = x[f, h, w, i(c mod C, dt, py, px)] (+ addend, same index as y)
// i = ((c*t + dt)*p + py)*p + px, or with px and py exchanged when X_FIRST
// x: [F, H, W, C*t*p*p] elem; y, addend: [F*t - dropped, H*p, W*p, C*repeats] out_elem, add_elem
// y is clamped to ±limit: what its dtype holds, or less when asked for
// one invocation an element of y; a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: elem, out_elem, add_elem = f16 | f32, X_FIRST, HAS_ADD = bool

struct Dims {
  first_group: u32,
  end_group: u32,
  height: u32,
  width: u32,
  channels: u32,
  out_channels: u32,
  time: u32,
  space: u32,
  dropped: u32,
  count: u32,
  limit: f32,
}

@group(0) @binding(0) var<uniform> dims: Dims;
@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read> addend: array<add_elem>;
@group(0) @binding(3) var<storage, read_write> y: array<out_elem>;

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) block: vec3<u32>,
  @builtin(num_workgroups) grid: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let workgroup = dims.first_group + block.x + block.y * grid.x;
  let at = workgroup * 64u + lane;
  if (workgroup >= dims.end_group || at >= dims.count) {
    return;
  }
  let c = (at % dims.out_channels) % dims.channels;
  var rest = at / dims.out_channels;
  let out_x = rest % (dims.width * dims.space);
  rest /= dims.width * dims.space;
  let out_y = rest % (dims.height * dims.space);
  let frame = rest / (dims.height * dims.space) + dims.dropped;

  let py = out_y % dims.space;
  let px = out_x % dims.space;
  let cell = select(py * dims.space + px, px * dims.space + py, X_FIRST);
  let channel = (c * dims.time + frame % dims.time) * dims.space * dims.space + cell;
  let pixel = ((frame / dims.time) * dims.height + out_y / dims.space) * dims.width + out_x / dims.space;
  var value = f32(x[pixel * dims.channels * dims.time * dims.space * dims.space + channel]);
  if (HAS_ADD) {
    value += f32(addend[at]);
  }
  y[at] = out_elem(clamp(value, -dims.limit, dims.limit));
}
