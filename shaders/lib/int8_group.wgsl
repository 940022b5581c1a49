// int8 codes of 32 neighbouring values of a row: q = round(v / scale), scale = max |v| / 127; both are zero where that is below 1e-30,
// whose reciprocal times 127 might be infinite. Ties go to the even code. Four neighbouring codes to a word, the first in its lowest byte
// a group's values are asked for twice, and not held: with eight copies of the code that makes them lavapipe compiles a norm five times as long
const SMALLEST = 1e-30;

/// The group's scale, and how many codes a unit has.
fn group_scale(most: vec4<f32>) -> vec2<f32> {
  let largest = max(max(most.x, most.y), max(most.z, most.w));
  if (largest < SMALLEST) {
    return vec2<f32>();
  }
  return vec2<f32>(largest / 127.0, 127.0 / largest);
}

fn code_word(values: vec4<f32>, codes_per_unit: f32) -> u32 {
  return pack4xI8(vec4<i32>(round(values * codes_per_unit)));
}
