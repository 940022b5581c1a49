/// The bits of the nearest half, ties to even, at most ±65 504. (pack2x16float may round either way.)
fn half_bits(value: f32) -> u32 {
  let word = bitcast<u32>(value);
  let sign = (word >> 16u) & 0x8000u;
  let size = word & 0x7fffffffu;
  if (size >= 0x477ff000u) {
    return sign | 0x7bffu;
  }
  if (size >= 0x38800000u) {
    return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u);
  }
  return sign | u32(round(abs(value) * 16777216.0)); // a subnormal half: whole multiples of 2^-24
}
