import { describe, expect, it } from 'vitest'
import { gaussianNoise, NOISE_STREAM, philox } from '../../workers/pipeline/noise'

describe('philox', () => {
  // the known answers of the Random123 distribution (kat_vectors, philox4x32 10)
  it('matches the published vectors', () => {
    expect(philox([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8])
    const ones = 0xffffffff
    expect(philox([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd])
    expect(philox([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1])
  })
})

describe('gaussianNoise', () => {
  it('has the moments of a normal distribution', () => {
    const noise = gaussianNoise(7, 100_001)
    const mean = noise.reduce((sum, x) => sum + x, 0) / noise.length
    const moment = (power: number) => noise.reduce((sum, x) => sum + (x - mean) ** power, 0) / noise.length
    expect(noise.length).toBe(100_001)
    expect(Math.abs(mean)).toBeLessThan(0.012)
    expect(moment(2)).toBeCloseTo(1, 1)
    expect(Math.abs(moment(3))).toBeLessThan(0.03)
    expect(Math.abs(moment(4) - 3)).toBeLessThan(0.1)
  })

  it('depends on the seed alone, and begins with the same values for a longer clip', () => {
    expect(gaussianNoise(7, 10)).toEqual(gaussianNoise(7, 1000).slice(0, 10))
    expect(gaussianNoise(8, 10)).not.toEqual(gaussianNoise(7, 10))
    expect(gaussianNoise(0xffffffff, 5).every(Number.isFinite)).toBe(true)
  })
})

describe('streams of a seed', () => {
  it('differ from each other, and the first is the default', () => {
    expect(gaussianNoise(7, 8, 0)).toEqual(gaussianNoise(7, 8))
    const streams = [NOISE_STREAM.start, 1, 2, NOISE_STREAM.condition, NOISE_STREAM.condition + 1].map((stream) => gaussianNoise(7, 8, stream).join())
    expect(new Set(streams).size).toBe(5)
    // stream 1 of seed 7 is not stream 7 of seed 1
    expect(gaussianNoise(7, 8, 1)).not.toEqual(gaussianNoise(1, 8, 7))
  })
})
