// pixel_unshuffle: y[f, h, w, i] = mean over m of x[max(0, f*t + dt - repeated), h*p + py, w*p + px, c] (+ addend[f, h, w, i])
// channel j = i*means + m = ((c*t + dt)*p + py)*p + px, or with px and py exchanged when X_FIRST
// x: [F, H, W, C] elem; y, addend: [(F + repeated)/t, H/p, W/p, C*t*p*p / means] out_elem, add_elem
// y is clamped to ±limit, what its dtype holds
// one invocation an element of y; a workgroup 64 of them; workgroups as dispatch-groups.ts folds them
// prelude: elem, out_elem, add_elem = f16 | f32, X_FIRST, HAS_ADD = bool

struct Dims {
  first_group: u32,
  end_group: u32,
  out_height: u32,
  out_width: u32,
  channels: u32,
  out_channels: u32,
  time: u32,
  space: u32,
  repeated: u32,
  means: u32,
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
  let out_channel = at % dims.out_channels;
  var rest = at / dims.out_channels;
  let out_x = rest % dims.out_width;
  rest /= dims.out_width;
  let out_y = rest % dims.out_height;
  let out_frame = rest / dims.out_height;
  let cells = dims.space * dims.space;

  var sum = 0.0;
  for (var m = 0u; m < dims.means; m++) {
    let j = out_channel * dims.means + m;
    let cell = j % cells;
    let py = select(cell / dims.space, cell % dims.space, X_FIRST);
    let px = select(cell % dims.space, cell / dims.space, X_FIRST);
    let padded_frame = out_frame * dims.time + (j / cells) % dims.time;
    let frame = max(padded_frame, dims.repeated) - dims.repeated;
    let row = (frame * dims.out_height + out_y) * dims.space + py;
    sum += f32(x[((row * dims.out_width + out_x) * dims.space + px) * dims.channels + j / (cells * dims.time)]);
  }
  var value = sum / f32(dims.means);
  if (HAS_ADD) {
    value += f32(addend[at]);
  }
  y[at] = out_elem(clamp(value, -dims.limit, dims.limit));
}
