// int8_group: 32 neighboring values of a row as int8: q = round(v / scale), scale = max |v| / 127; both are zero where max |v| is below 1e-30,
// whose reciprocal times 127 might be infinite. Ties go to the even integer. Four neighboring values to a word, the first in its lowest byte
// Callers compute a group's values twice instead of holding them: eight copies of that code make lavapipe compile a norm five times as long.
const SMALLEST = 1e-30;

/// The group's scale, and its reciprocal.
fn int8_group_scales(most: vec4<f32>) -> vec2<f32> {
  let largest = max(max(most.x, most.y), max(most.z, most.w));
  if (largest < SMALLEST) {
    return vec2<f32>();
  }
  return vec2<f32>(largest / 127.0, 127.0 / largest);
}

fn int8_word(values: vec4<f32>, reciprocal: f32) -> u32 {
  return pack4xI8(vec4<i32>(round(values * reciprocal)));
}
