// packed weights i4: eight to a word; needs encode_nearest
@group(0) @binding(3) var<storage, read> scale: array<u32>; // f16 pairs [panels, groups, 4]
const PER_WORD = 8u;

fn code(value: f32, panel: u32, o: u32, k: u32) -> u32 {
  let pair = unpack2x16float(scale[(panel * dims.groups_in + k / 32u) * 4u + o / 2u]);
  let step = select(pair.x, pair.y, o % 2u == 1u);
  if (step == 0.0) {
    return 0u;
  }
  return bitcast<u32>(i32(clamp(nearest(value / step), -8.0, 7.0))) & 15u;
}
