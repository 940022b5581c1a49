// pixel_shuffle: y[f*t + dt - dropped, h*p + py, w*p + px, c] = x[f, h, w, i(c mod C, dt, py, px)] (+ addend, same index as y)
// i = ((c*t + dt)*p + py)*p + px, or with px and py exchanged when X_FIRST
// x: [F, H, W, C*t*p*p] elem; y, addend: [F*t - dropped, H*p, W*p, C*repeats] out_elem, add_elem
// y is clamped to ±limit: the largest value of its dtype, or less on request
// one element of y
// prelude: elem, out_elem, add_elem = f16 | f32, X_FIRST, HAS_ADD = bool
// libs: elements, groups

struct Params {
  height: u32,
  width: u32,
  channels: u32,
  out_channels: u32,
  time: u32,
  space: u32,
  dropped: u32,
  limit: f32,
}

@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read> addend: array<add_elem>;
@group(0) @binding(3) var<storage, read_write> y: array<out_elem>;

fn element(at: u32) {
  let c = (at % params.out_channels) % params.channels;
  var rest = at / params.out_channels;
  let out_x = rest % (params.width * params.space);
  rest /= params.width * params.space;
  let out_y = rest % (params.height * params.space);
  let frame = rest / (params.height * params.space) + params.dropped;

  let py = out_y % params.space;
  let px = out_x % params.space;
  let cell = select(py * params.space + px, px * params.space + py, X_FIRST);
  let channel = (c * params.time + frame % params.time) * params.space * params.space + cell;
  let pixel = ((frame / params.time) * params.height + out_y / params.space) * params.width + out_x / params.space;
  var value = f32(x[pixel * params.channels * params.time * params.space * params.space + channel]);
  if (HAS_ADD) {
    value += f32(addend[at]);
  }
  y[at] = out_elem(clamp(value, -params.limit, params.limit));
}
