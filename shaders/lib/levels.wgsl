/// A colour's levels from 0 to 255, rounded to nearest, of values in -1..1 and clamped to them.
fn levels(colour: vec3<f32>) -> vec3<u32> {
  return vec3<u32>(floor((clamp(colour, vec3<f32>(-1.0), vec3<f32>(1.0)) + 1.0) * 127.5 + 0.5));
}
