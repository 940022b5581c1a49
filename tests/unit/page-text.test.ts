import { describe, expect, it } from 'vitest'
import { clipFileName } from '../../src/components/clip-file'
import { codecName, reportFacts, requestFacts } from '../../src/components/clip-facts'
import { errorMessage } from '../../src/components/error-message'
import { frameAt } from '../../src/components/preview-drawing'
import { formatBytes, formatDuration, formatSeconds, formatTimeLeft } from '../../src/components/quantities'
import type { ErrorCode } from '../../src/shared/errors'
import type { JobReport } from '../../src/shared/job'
import { CACHE_LEVELS } from '../../src/shared/cache-levels'
import { parseRoute } from '../../src/state/parse-route'
import { cacheText, nearestText, problemText } from '../../src/views/create/settings-text'
import { listText, noTextMessage, enhancingText } from '../../src/views/create/enhancer-text'
import { focusOf, progressNumbers, progressText, stageFraction } from '../../src/views/create/progress-text'

describe('quantities', () => {
  it('are rounded and have units', () => {
    expect([0, 12, 999, 1000, 3_400_000, 23_400_000, 12e9].map(formatBytes)).toEqual(['0 B', '12 B', '999 B', '1.0 kB', '3.4 MB', '23 MB', '12 GB'])
    expect([2.125, 2, 17 / 12].map(formatSeconds)).toEqual(['2.1 s', '2 s', '1.4 s'])
    expect([340, 4210, 42_000, 60_000, 65_200, 119_900].map(formatDuration)).toEqual(['340 ms', '4.2 s', '42 s', '1 min', '1 min 5 s', '2 min'])
    expect([1, 12.4, 42, 130, 5399, 8280, 36_000].map(formatTimeLeft)).toEqual([
      'almost done',
      'about 12 s left',
      'about 40 s left',
      'about 2 min left',
      'about 90 min left',
      'about 2.3 h left',
      'about 10 h left',
    ])
  })
})

describe('clipFileName', () => {
  it('is safe and describes the clip', () => {
    expect(clipFileName('A red sky, at sunset!', 7)).toBe('kinora-a-red-sky-at-sunset-7.webm')
    expect(clipFileName('../../café: “night”', 0)).toBe('kinora-cafe-night-0.webm')
    expect(clipFileName('   ', 5)).toBe('kinora-5.webm')
    expect(clipFileName('word '.repeat(80), 1)).toMatch(/^[a-z-]{1,60}-1\.webm$/)
  })
})

describe('first-block cache', () => {
  const request = { model: 'starter', prompt: '', width: 128, height: 96, frames: 9, fps: 8, steps: 20, guidance: 1, seed: 7 }
  const report: JobReport = {
    adapter: 'none',
    precision: 'f32',
    kernels: {},
    tokens: 1,
    textMs: 1,
    stepMs: [1],
    decodeMs: 1,
    encodeMs: 1,
    totalMs: 5,
    weightGpuBytes: 1,
    peakGpuBytes: 1,
    peakHostBytes: null,
    latentsSha256: '',
    framesSha256: '',
  }
  const valueOf = (facts: readonly (readonly [string, string])[], name: string) => facts.find(([own]) => own === name)?.[1]

  it('is among the facts of a clip only if it was used', () => {
    expect(valueOf(requestFacts(request), 'First-block cache')).toBeUndefined()
    expect(valueOf(reportFacts(report, 'vp9'), 'Cache hits')).toBeUndefined()
    const { threshold, name } = CACHE_LEVELS[1]
    expect(valueOf(requestFacts({ ...request, cacheThreshold: threshold }), 'First-block cache')).toBe(name)
    expect(valueOf(requestFacts({ ...request, cacheThreshold: 0.33 }), 'First-block cache')).toBe('0.33')
    expect(valueOf(reportFacts({ ...report, evaluations: 20, evaluationsSkipped: 0 }, 'vp9'), 'Cache hits')).toBe('0 of 20 forward passes')
  })

  it('has a description for each level and for other thresholds', () => {
    const texts = [...CACHE_LEVELS.map(({ threshold }) => threshold), 0.33].map(cacheText)
    expect(new Set(texts).size).toBe(texts.length)
    for (const text of texts) expect(text).toMatch(/^[A-Z].*\.$/)
  })
})

describe('errorMessage', () => {
  it('has a title for every code and includes the facts', () => {
    const codes: ErrorCode[] = [
      'no-webgpu',
      'no-adapter',
      'device-lost',
      'out-of-memory',
      'bad-request',
      'weights-missing',
      'weights-truncated',
      'weights-corrupt',
      'no-encoder',
      'storage-full',
      'not-found',
      'cancelled',
      'internal',
    ]
    const titles = codes.map((code) => errorMessage({ code, message: 'x.bin: expected 8, got 4.', details: {} }).title)
    expect(titles.every((title) => title.endsWith('.'))).toBe(true)
    expect(new Set(titles).size).toBe(codes.length)
    expect(errorMessage({ code: 'weights-truncated', message: 'x.bin: expected 8, got 4.', details: {} }).advice).toContain('x.bin: expected 8, got 4.')
  })
})

describe('routes', () => {
  it('are parsed from the URL fragment', () => {
    expect(parseRoute('')).toEqual({ view: 'create' })
    expect(parseRoute('#/nowhere')).toEqual({ view: 'create' })
    expect(parseRoute('#/library')).toEqual({ view: 'library', clip: null })
    expect(parseRoute('#/library/a%20b')).toEqual({ view: 'library', clip: 'a b' })
    expect(parseRoute('#/models')).toEqual({ view: 'models' })
    expect(parseRoute('#/models/t5-xxl-q4')).toEqual({ view: 'models', source: 't5-xxl-q4' })
    expect(parseRoute('#/settings')).toEqual({ view: 'settings' })
  })

  it('accept invalid escapes', () => {
    expect(parseRoute('#/library/%E0%A4%A')).toEqual({ view: 'library', clip: '%E0%A4%A' })
  })
})

describe('progress', () => {
  it('describes stage, step and completed fraction', () => {
    expect(progressText({ status: 'running', stage: 'denoising', step: 3, steps: 8 }, null)).toBe('Denoising: step 3 of 8')
    expect(progressText({ status: 'running', stage: 'loading', loadedBytes: 6e6, totalBytes: 21e6 }, null)).toBe('Loading the model')
    expect(progressNumbers({ status: 'running', stage: 'loading', loadedBytes: 6e6, totalBytes: 21e6 })).toBe('6.0 MB of 21 MB')
    expect(progressNumbers({ status: 'running', stage: 'denoising', step: 3, steps: 8 })).toBe('')
    expect(progressText({ status: 'running', stage: 'denoising', step: 3, steps: 8 }, 'cancelled')).toBe('Canceling…')
    expect(progressText({ status: 'queued' }, 'paused')).toBe('Pausing…')
    expect(progressText({ status: 'paused' }, null)).toBe('Paused. Progress is saved.')
    expect(progressText({ status: 'idle' }, null)).toBe('')
    expect(progressText({ status: 'running', stage: 'encoding-text' }, null)).toBe('Encoding the prompt')
    const preparing = { status: 'running', stage: 'encoding-text', step: 5, steps: 48 } as const
    expect([progressText(preparing, null), progressNumbers(preparing)]).toEqual(['Preparing the text encoder (first run only)', '10 %'])
    expect(stageFraction(preparing)).toBeCloseTo(5 / 48)
    expect(stageFraction({ status: 'running', stage: 'decoding', step: 5, steps: 20 })).toBe(0.25)
    expect(stageFraction({ status: 'running', stage: 'compiling' })).toBeNull()
    const compiling = { status: 'running', stage: 'compiling', step: 5, steps: 20 } as const
    expect([progressText(compiling, null), progressNumbers(compiling), stageFraction(compiling)]).toEqual(['Compiling shaders', '5 of 20', 0.25])
    expect(progressText({ status: 'running', stage: 'tuning' }, null)).toContain('first run only')
    expect(focusOf({ status: 'running', stage: 'encoding-text' })).toBe(0)
    expect(focusOf({ status: 'running', stage: 'saving' })).toBe(1)
  })

  it('loops a preview over the duration of the clip', () => {
    expect([0, 399, 400, 1999, 2000].map((ms) => frameAt(ms, 5, 2))).toEqual([0, 0, 1, 4, 0])
  })
})

describe('prompt enhancer', () => {
  it('describes its progress and why there is no text', () => {
    const texts = ([{ stage: 'loading' }, { stage: 'reading' }, { stage: 'writing', text: 'A fox' }] as const).map(enhancingText)
    expect(new Set(texts).size).toBe(3)
    expect(noTextMessage({ status: 'off-topic', missing: ['green', 'kite'] }).advice).toContain('did not mention “green” and “kite”')
    expect(noTextMessage({ status: 'failed', error: { code: 'out-of-memory', message: '', details: {} } }).title, 'it does not use the GPU').not.toContain(
      'GPU',
    )
    expect(noTextMessage({ status: 'failed', error: { code: 'weights-corrupt', message: 'x.onnx: damaged', details: {} } }).advice).toContain('x.onnx')
    expect([[], ['a'], ['a', 'b'], ['a', 'b', 'c']].map(listText)).toEqual(['', '“a”', '“a” and “b”', '“a”, “b” and “c”'])
  })
})

describe('problems of settings', () => {
  it('are described with the closest valid setting', () => {
    const problem = { field: 'width' as const, expected: 'sides that are multiples of 16', got: '180×96', nearest: { width: 176, height: 96 } }
    expect(problemText(problem)).toBe('This model does not support 180 × 96 pixels. Supported: sides that are multiples of 16.')
    expect(nearestText(problem.nearest)).toBe('176 × 96')
    expect(nearestText({ frames: 17 })).toBe('17 frames')
    expect(problemText({ field: 'steps', expected: '1 to 30', got: '50', nearest: { steps: 30 } })).toBe(
      'This model does not support a value of 50 for steps. Supported: 1 to 30.',
    )
  })
})

describe('codecName', () => {
  it('names VP9, AV1 and VP8', () => {
    expect(['vp09.00.10.08', 'av01.0.04M.08', 'vp8', 'V_OTHER'].map(codecName)).toEqual(['VP9', 'AV1', 'VP8', 'V_OTHER'])
  })
})
