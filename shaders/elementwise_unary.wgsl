// elementwise_unary: y[i] = f(x[i]); f: OP 0 is the identity (a cast), 1 is SiLU, 2 is GELU in its tanh form
// x: [COUNT] elem_x; y: [COUNT] elem_y; computed in f32
// prelude: elem_x, elem_y = f16 | f32, OP, OUT_F16 = bool
// libs: activation, elements, groups

@group(0) @binding(1) var<storage, read> x: array<elem_x>;
@group(0) @binding(2) var<storage, read_write> y: array<elem_y>;

fn element(at: u32) {
  var value = f32(x[at]);
  if (OP == 1u) {
    value = silu(vec4<f32>(value)).x;
  } else if (OP == 2u) {
    value = gelu_tanh(vec4<f32>(value)).x;
  }
  if (OUT_F16) {
    value = clamp(value, -65504.0, 65504.0); // beyond lies infinity
  }
  y[at] = elem_y(value);
}
