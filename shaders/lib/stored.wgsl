// stored: weights as a file stores them, row-major: f32, f16, bf16 (the upper half of an f32) or f8_e4m3 (sign, 4 bits of exponent with
// bias 7, 3 of mantissa; its NaN, 0x7f, is read as 480: weights have none)
// prelude: STORED
// types that files store, then those that only packed weights have; numbers as in workers/ops/quantize.ts
const F32 = 0u;
const F16 = 1u;
const BF16 = 2u;
const F8_E4M3 = 3u;
const I8 = 4u;
const I4 = 5u;

@group(0) @binding(1) var<storage, read> stored: array<u32>;

fn stored_at(i: u32) -> f32 {
  if (STORED == F32) {
    return bitcast<f32>(stored[i]);
  }
  if (STORED == F16) {
    let pair = unpack2x16float(stored[i / 2u]);
    return select(pair.x, pair.y, i % 2u == 1u);
  }
  if (STORED == BF16) {
    return bitcast<f32>((stored[i / 2u] >> (i % 2u * 16u)) << 16u);
  }
  let byte = stored[i / 4u] >> (i % 4u * 8u);
  let rest = byte & 127u;
  let subnormal = f32(rest) * 0.001953125; // 2^-9
  let size = select(bitcast<f32>((rest << 20u) + 0x3c000000u), subnormal, rest < 8u); // exponent 7 there is 127 here
  return select(size, -size, (byte & 128u) != 0u);
}
