// elementwise_binary: OP 0: y[i] = a[i] + b[i % period]
//                     OP 1: y[i] = a[i] * b[c] + b[period + c], c = i % period (an affine map a channel, channels last)
//                     OP 2: y[i] = a[i] * b[i % period]
//                     OP 3: y[i] = a[i] - b[i % period]
// a, y: [COUNT] elem; b: [period] f32 for OP 0, 2 and 3, [2, period] f32 for OP 1; computed in f32
// prelude: elem = f16 | f32, OP, OUT_F16 = bool
// libs: elements, groups

struct Params {
  period: u32,
}

@group(0) @binding(1) var<storage, read> a: array<elem>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> y: array<elem>;

fn element(at: u32) {
  let c = at % params.period;
  var value = f32(a[at]);
  if (OP == 0u) {
    value += b[c];
  } else if (OP == 1u) {
    value = value * b[c] + b[params.period + c];
  } else if (OP == 2u) {
    value *= b[c];
  } else {
    value -= b[c];
  }
  if (OUT_F16) {
    value = clamp(value, -65504.0, 65504.0); // beyond lies infinity
  }
  y[at] = elem(value);
}
