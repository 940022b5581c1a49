import { describe, expect, test } from 'vitest'
import { LTX_2B_AUTOENCODER } from '../../workers/models/ltx/released-shape'
import { compressionOf, decoderSizes, encoderSizes } from '../../workers/models/ltx/autoencoder-sizes'
import { BINDING_BYTES, blendWeight, planTiles, scaleSpan, splitAxis, type UnitSize } from '../../workers/models/tile-plan'

const MIB = 2 ** 20

describe('splitAxis', () => {
  test.each([
    { length: 7, count: 1, overlap: 0, margin: 0 },
    { length: 7, count: 2, overlap: 1, margin: 0 },
    { length: 38, count: 3, overlap: 4, margin: 1 },
    { length: 61, count: 5, overlap: 7, margin: 3 },
    { length: 23, count: 2, overlap: 0, margin: 0 },
  ])('$count tiles of $length with $overlap shared: weights sum to 1, at most two tiles overlap', ({ length, count, overlap, margin }) => {
    const spans = splitAxis(length, count, overlap, margin)
    expect(spans.length).toBe(count)
    const sizes = spans.map(({ from, to }) => to - from)
    expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1)
    for (const scale of [1, 32]) {
      const weight = new Float64Array(length * scale)
      const tiles = new Uint8Array(length * scale)
      for (const span of spans.map((one) => scaleSpan(one, scale))) {
        for (let position = span.from; position < span.to; position++) {
          const share = blendWeight(span, position - span.from)
          expect(share).toBeGreaterThanOrEqual(0)
          weight[position] = (weight[position] as number) + share
          tiles[position] = (tiles[position] as number) + 1
        }
      }
      expect(Math.max(...weight.map((sum) => Math.abs(sum - 1)))).toBeLessThan(1e-12)
      expect(Math.max(...tiles)).toBeLessThanOrEqual(2)
      expect(Math.min(...tiles)).toBe(1)
    }
  })

  test('gives positions at the edge of a tile no weight, then a linear ramp', () => {
    const [, second] = splitAxis(12, 2, 6, 1)
    expect(second && [0, 1, 2, 3, 4, 5, 6].map((at) => blendWeight(second, at))).toEqual([0, 0, 0.25, 0.5, 0.75, 1, 1])
  })
})

describe('planTiles', () => {
  /** a unit with one tensor of `mib` MiB per latent pixel and frame */
  const unit = (mib: number, more = 0): UnitSize => ({ features: 1, tensors: [{ floats: (mib * MIB) / 4, more }], held: 1 })

  test('plans one tile if it fits, otherwise tiles as few and as square as possible', () => {
    const tilesOf = (height: number, width: number, mib: number) =>
      planTiles([unit(mib)], { height, width }, { overlap: 2, margin: 0 }).tiles.map(({ y, x }) => [y.from, y.to, x.from, x.to])
    expect(tilesOf(8, 16, 1)).toEqual([[0, 8, 0, 16]])
    expect(tilesOf(8, 17, 1)).toEqual([
      [0, 8, 0, 10],
      [0, 8, 8, 17],
    ])
    expect(tilesOf(14, 14, 1)).toEqual([
      [0, 14, 0, 8],
      [0, 14, 6, 14],
    ])
    expect(tilesOf(20, 20, 1)).toHaveLength(4)
    expect(tilesOf(1, 100, 2)).toHaveLength(2)
  })

  test('plans more frames at once if they are small, at least one', () => {
    const { atOnce, largestBytes } = planTiles([unit(8), unit(16, 3), unit(30, 3), unit(0.1)], { height: 1, width: 1 }, { overlap: 2, margin: 0 })
    expect(atOnce).toEqual([8, 1, 1, 16])
    expect(largestBytes).toBe(120 * MIB)
  })

  test('rejects an image that is too large, and a margin that leaves nothing', () => {
    expect(() => planTiles([unit(100)], { height: 9, width: 40 }, { overlap: 2, margin: 0 })).toThrow(/40 × 9 latent pixels is too large/)
    expect(() => planTiles([unit(1)], { height: 4, width: 4 }, { overlap: 2, margin: 1 })).toThrow(/margin/)
  })
})

describe('LTX-Video 0.9.5 at full size', () => {
  const tiling = { overlap: 4, margin: 1 }

  test('compresses 32 × 32 pixels of 8 frames to a latent pixel', () => {
    expect(compressionOf(LTX_2B_AUTOENCODER)).toEqual({ space: 32, time: 8 })
  })

  test('has one size per unit', () => {
    expect(decoderSizes(LTX_2B_AUTOENCODER)).toHaveLength(1 + 5 + 3 * (1 + 5) + 1)
    expect(encoderSizes(LTX_2B_AUTOENCODER)).toHaveLength(2 + (4 + 1) + (6 + 1) + (6 + 1) + (2 + 1) + 2 + 1)
  })

  // independent of the length: a clip of 257 frames needs as much as one of 121
  test.each([
    { width: 1216, height: 704, decoder: { tiles: 1, heldMiB: 1084 }, encoder: { tiles: 1, heldMiB: 1803 } },
    { width: 768, height: 512, decoder: { tiles: 1, heldMiB: 498 }, encoder: { tiles: 1, heldMiB: 828 } },
    { width: 704, height: 480, decoder: { tiles: 1, heldMiB: 428 }, encoder: { tiles: 1, heldMiB: 712 } },
    { width: 1920, height: 1088, decoder: { tiles: 2, heldMiB: 2822 }, encoder: { tiles: 3, heldMiB: 4985 } },
    { width: 32, height: 32, decoder: { tiles: 1, heldMiB: 1 }, encoder: { tiles: 1, heldMiB: 2 } },
  ])('has no tensor over 128 MiB at $width × $height', ({ width, height, decoder, encoder }) => {
    const grid = { width: width / 32, height: height / 32 }
    for (const [sizes, expected] of [
      [decoderSizes(LTX_2B_AUTOENCODER), decoder],
      [encoderSizes(LTX_2B_AUTOENCODER), encoder],
    ] as const) {
      const plan = planTiles(sizes, grid, tiling)
      expect(plan.largestBytes).toBeLessThanOrEqual(BINDING_BYTES)
      expect({ tiles: plan.tiles.length, heldMiB: Math.round(plan.heldBytes / MIB) }).toEqual(expected)
    }
  })

  test('would exceed 128 MiB with the whole clip at once', () => {
    const last = decoderSizes(LTX_2B_AUTOENCODER).at(-1)
    const floats = (last?.tensors[0]?.floats ?? 0) * 24 * 16 * 121
    expect(floats * 4).toBeGreaterThan(10 * BINDING_BYTES)
  })
})
