import { describe, expect, test } from 'vitest'
import { bf16ToF32, f16ToF32, f32ToF16, f8E4M3ToF32 } from '../../workers/engine/half-floats'

/** The value of half-precision bits, from the definition. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 31) return fraction ? NaN : sign * Infinity
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

const everyHalf = Uint16Array.from({ length: 65536 }, (_, i) => i)

describe('half floats', () => {
  test('convert to the exact single', () => {
    const values = f16ToF32(everyHalf)
    for (const bits of everyHalf) expect(Object.is(values[bits], halfValue(bits)), `bits ${bits}: ${values[bits]}`).toBe(true)
  })

  test('convert to f32 and back without a change', () => {
    const back = f32ToF16(f16ToF32(everyHalf))
    for (const bits of everyHalf) {
      if (Number.isNaN(halfValue(bits))) expect(Number.isNaN(halfValue(back[bits]!))).toBe(true)
      else expect(back[bits]).toBe(bits)
    }
  })

  test('are rounded to the nearest, ties to even, above 65 504 to infinity', () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const low = halfValue(bits)
      const high = halfValue(bits + 1)
      const middle = (low + high) / 2
      const even = bits % 2 === 0 ? bits : bits + 1
      const [tie, below, above] = f32ToF16([middle, middle - (high - low) / 8, middle + (high - low) / 8])
      expect([tie, below, above]).toEqual([even, bits, bits + 1])
    }
    expect([...f32ToF16([65519.9, 65520, -70000, Infinity, -0])]).toEqual([0x7bff, 0x7c00, 0xfc00, 0x7c00, 0x8000])
  })

  test('convert bfloat16 as the upper half of a single', () => {
    const values = bf16ToF32(Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x0001, 0x4049))
    expect([...values]).toEqual([1, -2, Infinity, 2 ** -133, 3.140625])
  })

  // torch.arange(256, dtype=torch.uint8).view(torch.float8_e4m3fn).float()
  test('convert 8-bit floats to PyTorch’s values', () => {
    const values = f8E4M3ToF32(Uint8Array.from({ length: 256 }, (_, byte) => byte))
    expect([0x00, 0x01, 0x07, 0x08, 0x38, 0x3c, 0x77, 0x7e, 0x81, 0xb8, 0xfe].map((byte) => values[byte])).toEqual([
      0,
      2 ** -9,
      7 * 2 ** -9,
      2 ** -6,
      1,
      1.5,
      240,
      448,
      -(2 ** -9),
      -1,
      -448,
    ])
    expect([values[0x7f], values[0xff]]).toEqual([NaN, NaN])
    expect(Object.is(values[0x80], -0)).toBe(true)
    for (let byte = 1; byte < 0x7f; byte++) expect(values[byte]).toBeGreaterThan(values[byte - 1]!)
  })
})
