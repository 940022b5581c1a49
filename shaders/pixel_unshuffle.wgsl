// pixel_unshuffle: y[f, h, w, i] = mean over m of x[max(0, f*t + dt - repeated), h*p + py, w*p + px, c] (+ addend[f, h, w, i])
// channel j = i*means + m = ((c*t + dt)*p + py)*p + px, or with px and py exchanged when X_FIRST
// x: [F, H, W, C] elem; y, addend: [(F + repeated)/t, H/p, W/p, C*t*p*p / means] out_elem, add_elem
// y is clamped to ±limit: the largest value of its dtype
// one element of y
// prelude: elem, out_elem, add_elem = f16 | f32, X_FIRST, HAS_ADD = bool
// libs: elements, groups

struct Params {
  out_height: u32,
  out_width: u32,
  channels: u32,
  out_channels: u32,
  time: u32,
  space: u32,
  repeated: u32,
  means: u32,
  limit: f32,
}

@group(0) @binding(1) var<storage, read> x: array<elem>;
@group(0) @binding(2) var<storage, read> addend: array<add_elem>;
@group(0) @binding(3) var<storage, read_write> y: array<out_elem>;

fn element(at: u32) {
  let out_channel = at % params.out_channels;
  var rest = at / params.out_channels;
  let out_x = rest % params.out_width;
  rest /= params.out_width;
  let out_y = rest % params.out_height;
  let out_frame = rest / params.out_height;
  let cells = params.space * params.space;

  var sum = 0.0;
  for (var m = 0u; m < params.means; m++) {
    let j = out_channel * params.means + m;
    let cell = j % cells;
    let py = select(cell / params.space, cell % params.space, X_FIRST);
    let px = select(cell % params.space, cell / params.space, X_FIRST);
    let padded_frame = out_frame * params.time + (j / cells) % params.time;
    let frame = max(padded_frame, params.repeated) - params.repeated;
    let row = (frame * params.out_height + out_y) * params.space + py;
    sum += f32(x[((row * params.out_width + out_x) * params.space + px) * params.channels + j / (cells * params.time)]);
  }
  var value = sum / f32(params.means);
  if (HAS_ADD) {
    value += f32(addend[at]);
  }
  y[at] = out_elem(clamp(value, -params.limit, params.limit));
}
