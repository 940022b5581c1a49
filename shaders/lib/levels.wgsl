/// Levels 0 … 255, rounded to nearest, of a color's values, which are clamped to -1 … 1.
fn levels(color: vec3<f32>) -> vec3<u32> {
  return vec3<u32>(floor((clamp(color, vec3<f32>(-1.0), vec3<f32>(1.0)) + 1.0) * 127.5 + 0.5));
}
