import { describe, expect, test } from 'vitest'
import { bf16ToF32, f16ToF32, f32ToF16 } from '../../workers/engine/half-floats'

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
  test('every half becomes its exact single', () => {
    const values = f16ToF32(everyHalf)
    for (const bits of everyHalf) expect(Object.is(values[bits], halfValue(bits)), `bits ${bits}: ${values[bits]}`).toBe(true)
  })

  test('every half survives the way to f32 and back', () => {
    const back = f32ToF16(f16ToF32(everyHalf))
    for (const bits of everyHalf) {
      if (Number.isNaN(halfValue(bits))) expect(Number.isNaN(halfValue(back[bits]!))).toBe(true)
      else expect(back[bits]).toBe(bits)
    }
  })

  test('rounding goes to the nearest half, ties to even, past 65 504 to infinity', () => {
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

  test('bfloat16 is the upper half of a single', () => {
    const values = bf16ToF32(Uint16Array.of(0x3f80, 0xc000, 0x7f80, 0x0001, 0x4049))
    expect([...values]).toEqual([1, -2, Infinity, 2 ** -133, 3.140625])
  })
})
