import { describe, expect, it } from 'vitest'
import { LTX_2B } from '../../workers/models/ltx/released-shape'
import { clipBytes } from '../../src/shared/clip-memory'
import { durationText, estimateClipTimes } from '../../src/views/models/clip-times-text'
import { catalogueManifest } from '../../src/shared/model-address'
import { CATALOGUE } from '../../src/shared/model-catalogue'
import { blockMs, clipSeconds, forwardPassesOf, fitBlockTimes, readTimes } from '../../src/shared/time-estimate'

const WIDTH = 64
const curve = (a: number, b: number, c: number) => (tokens: number) => a + b * tokens + c * tokens ** 2
const measure = (ms: (tokens: number) => number, ...counts: number[]) => counts.map((tokens) => ({ tokens, ms: ms(tokens) }))

describe('fitBlockTimes', () => {
  it('recovers the coefficients of a curve', () => {
    const fit = fitBlockTimes({ measured: measure(curve(2, 0.01, 1e-5), 16, 64, 256, 1024, 4096), width: WIDTH })
    expect(fit.a).toBeCloseTo(2, 4)
    expect(fit.b).toBeCloseTo(0.01, 6)
    expect(fit.c).toBeCloseTo(1e-5, 9)
    expect(fit.maxTokens).toBe(4096)
    expect(blockMs(fit, 10_000)).toBeCloseTo(1102, 1)
  })

  it('never decreases with more tokens, whatever the measurements', () => {
    const fit = fitBlockTimes({
      measured: [
        { tokens: 16, ms: 5 },
        { tokens: 256, ms: 4 },
        { tokens: 1024, ms: 4.5 },
        { tokens: 4096, ms: 30 },
      ],
      width: WIDTH,
    })
    for (const weight of [fit.a, fit.b, fit.c]) expect(weight).toBeGreaterThanOrEqual(0)
    expect(blockMs(fit, 8192)).toBeGreaterThan(blockMs(fit, 4096))
    expect(blockMs(fit, 4096)).toBeGreaterThan(15)
  })

  it('extrapolates one short measurement at one FLOP rate for matrix products and attention', () => {
    const fit = fitBlockTimes({ measured: [{ tokens: 16, ms: 100 }], width: 2048 })
    expect(fit.a).toBe(0)
    expect(blockMs(fit, 16)).toBeCloseTo(100)
    // 4·D·n² equals 28·D²·n at n = 7·D
    expect(fit.c * 7 * 2048).toBeCloseTo(fit.b)
  })

  it('rejects an empty list of measurements', () => {
    expect(() => fitBlockTimes({ measured: [], width: WIDTH })).toThrow('expected at least one measurement')
  })
})

describe('clipSeconds', () => {
  const times = { measured: measure(curve(0, 0.01, 0), 64, 256, 1024, 4096), width: WIDTH, blocks: 28, decoderFlops: 0, budgetBytes: 0 }

  it('multiplies blocks, steps and evaluations', () => {
    const { seconds, rough } = clipSeconds(times, { tokens: 1000, steps: 7, evaluations: 2 })
    expect(seconds).toBeCloseTo((10 * 28 * 7 * 2) / 1000, 3)
    expect(rough).toBe(false)
    expect(clipSeconds(times, { tokens: 20_000, steps: 7, evaluations: 1 }).rough, 'far beyond what was measured').toBe(true)
  })

  it('adds the decoder at the measured FLOP rate', () => {
    const block = 28 * WIDTH ** 2 * 4096 + 4 * WIDTH * 4096 ** 2
    const { seconds } = clipSeconds({ ...times, blocks: 0, decoderFlops: block / 4096 }, { tokens: 4096, steps: 1, evaluations: 1 })
    expect(seconds).toBeCloseTo(0.04096, 4)
  })

  it('forwardPassesOf counts the evaluations per step', () => {
    expect([{ guidance: 1 }, { guidance: 3 }, { guidance: 3, stgScale: 1 }, { guidance: 1, stgScale: 0 }].map(forwardPassesOf)).toEqual([1, 2, 3, 1])
  })
})

describe('estimateClipTimes', () => {
  const dev = CATALOGUE.find((source) => catalogueManifest(source)?.guidance.default === 3)
  const distilled = CATALOGUE.find((source) => catalogueManifest(source)?.steps.default === 7)
  const times = { measured: measure(curve(0, 0.01, 0), 64, 256, 1024), width: WIDTH, blocks: 28, decoderFlops: 0, budgetBytes: 16e9 }
  const estimate = (source: typeof dev, budgetBytes = times.budgetBytes) => {
    const manifest = source && catalogueManifest(source)
    if (!manifest) throw new Error('expected a manifest')
    return estimateClipTimes({ ...times, budgetBytes }, manifest, 1e9)
  }

  it('returns the smallest, the default and the largest clip, and marks extrapolations as rough', () => {
    expect(estimate(distilled)).toEqual([
      { clip: '256 × 256, 0.8 s', takes: 'about a second', rough: false },
      { clip: '768 × 512, 3.2 s', takes: 'about 10 s', rough: true },
      { clip: '768 × 512, 8.6 s', takes: 'about 25 s', rough: true },
    ])
    expect(estimate(dev)[1]?.takes, '40 steps, three evaluations each').toBe('about 3 min')
  })

  it('returns only clips that fit into GPU memory', () => {
    const clipsIn = (tokens: number) => estimate(distilled, clipBytes(1e9, WIDTH, tokens)).map(({ clip }) => clip)
    expect(clipsIn(24 * 16 * 21).at(-1), 'the largest resolution at a shorter duration').toBe('768 × 512, 5.4 s')
    expect(clipsIn(8 * 8 * 4)).toEqual(['256 × 256, 0.8 s'])
    expect(clipsIn(8 * 8 * 4 - 1)).toEqual([])
  })

  it('durationText rounds', () => {
    expect([0.4, 7.2, 44, 170, 20_000].map(durationText)).toEqual(['about a second', 'about 7 s', 'about 45 s', 'about 3 min', 'about 6 h'])
  })

  it('decoderFlops counts the convolutions of the released decoder', () => {
    const conv = (inputs: number, out: number) => 2 * 27 * inputs * out
    const level = (places: number, channels: number) => places * 10 * conv(channels, channels) // five blocks of two
    const up = (places: number, channels: number) => places * conv(channels, 4 * channels)
    const expected =
      conv(128, 1024) + level(1, 1024) + up(1, 1024) + level(8, 512) + up(8, 512) + level(64, 256) + up(64, 256) + level(512, 128) + 512 * conv(128, 48)
    expect(LTX_2B.decoderFlops).toBe(expected)
  })
})

describe('readTimes', () => {
  const times = { measured: [{ tokens: 16, ms: 1 }], width: 64, blocks: 2, decoderFlops: 5 }

  it('reads stored entries, with roomBytes of earlier versions as budgetBytes', () => {
    const stored = [
      ['a', { ...times, budgetBytes: 7 }],
      ['b', { ...times, roomBytes: 9 }],
    ]
    expect(readTimes(JSON.parse(JSON.stringify(stored)))).toEqual([
      ['a', { ...times, budgetBytes: 7 }],
      ['b', { ...times, budgetBytes: 9 }],
    ])
  })

  it('drops invalid entries', () => {
    expect(readTimes(undefined)).toEqual([])
    expect(readTimes([null, ['a'], ['a', null], [1, { ...times, budgetBytes: 7 }], ['a', times], ['a', { ...times, budgetBytes: 7, measured: [] }]])).toEqual(
      [],
    )
  })
})
