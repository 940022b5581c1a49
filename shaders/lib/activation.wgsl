// activations of four values
fn silu(x: vec4<f32>) -> vec4<f32> {
  return x / (1.0 + exp(-max(x, vec4<f32>(-80.0)))); // exp of more overflows
}

/// The tanh form. Its argument is clamped: some drivers' tanh overflows to NaN.
fn gelu_tanh(x: vec4<f32>) -> vec4<f32> {
  let c = clamp(x, vec4<f32>(-12.0), vec4<f32>(12.0)); // past these the answer is x or 0 in f32
  return 0.5 * x * (1.0 + tanh(clamp(0.7978845608 * (c + 0.044715 * c * c * c), vec4<f32>(-15.0), vec4<f32>(15.0))));
}
