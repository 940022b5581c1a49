// weights as a file stores them: F8_E4M3 (sign, 4 bits of exponent with bias 7, 3 of mantissa), row-major, four to a word
// its NaN, 0x7f, is read as 480: no weight is one
@group(0) @binding(1) var<storage, read> stored: array<u32>;

fn stored_at(i: u32) -> f32 {
  let byte = stored[i / 4u] >> (i % 4u * 8u);
  let rest = byte & 127u;
  let subnormal = f32(rest) * 0.001953125; // 2^-9
  let size = select(bitcast<f32>((rest << 20u) + 0x3c000000u), subnormal, rest < 8u); // exponent 7 there is 127 here
  return select(size, -size, (byte & 128u) != 0u);
}
