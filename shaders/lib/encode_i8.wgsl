// packed weights i8: four to a word; needs encode_nearest
@group(0) @binding(3) var<storage, read> scale: array<f32>; // [panels, 8]
const PER_WORD = 4u;

fn code(value: f32, panel: u32, o: u32, k: u32) -> u32 {
  let step = scale[panel * 8u + o];
  if (step == 0.0) {
    return 0u;
  }
  return bitcast<u32>(i32(clamp(nearest(value / step), -127.0, 127.0))) & 255u;
}
