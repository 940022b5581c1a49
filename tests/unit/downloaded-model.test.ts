import { describe, expect, test } from 'vitest'
import { catalogueManifest, downloadedModelUrl, downloadedEntries, manifestOfDownloaded } from '../../src/shared/model-address'
import { parseManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import { requestProblems } from '../../src/shared/request-problems'
import { CATALOGUE, type CatalogueEntry } from '../../src/shared/model-catalogue'
import { readPrompt } from '../../src/shared/prompt'

const VIDEO = CATALOGUE.filter(({ role }) => role === 'video')
const manifestOf = (id: string) => {
  const sources = downloadedEntries(downloadedModelUrl(id, 't5-xxl-q4'))
  if (!sources) throw new Error(`${id} is not a downloaded model`)
  return manifestOfDownloaded(sources)
}

describe('downloadedEntries', () => {
  test('returns the video model, its encoder and the tokenizer', () => {
    const sources = downloadedEntries('download:ltxv-2b-0.9.5?encoder=t5-xxl-fp16')
    expect([sources?.video.id, sources?.encoder.id, sources?.tokenizer.id]).toEqual(['ltxv-2b-0.9.5', 't5-xxl-fp16', 't5-tokenizer'])
  })

  test('names the tokenizer of its own text encoder, and refuses the text encoder of another architecture', () => {
    const [ltx] = VIDEO
    if (!ltx) throw new Error('Expected a video model in the catalogue, found none.')
    const entry = (id: string, role: CatalogueEntry['role']): CatalogueEntry => ({ ...ltx, id, name: id, role, encoderKind: 'umt5' })
    const catalogue = [...CATALOGUE, entry('other', 'video'), entry('umt5-fp8', 'text-encoder'), entry('umt5-tokenizer', 'tokenizer')]
    expect(downloadedEntries('download:other?encoder=umt5-fp8', catalogue)?.tokenizer.id).toBe('umt5-tokenizer')
    expect(downloadedEntries('download:ltxv-2b-0.9.5?encoder=t5-xxl-q4', catalogue)?.tokenizer.id).toBe('t5-tokenizer')
    expect(() => downloadedEntries('download:other?encoder=t5-xxl-q4', catalogue)).toThrow('No text encoder of other is called t5-xxl-q4; there are umt5-fp8.')
  })

  test('returns undefined for the address of a folder', () => {
    expect(downloadedEntries('https://kinora.example/models/starter/')).toBeUndefined()
  })

  test.each([
    ['download:ltxv-13b?encoder=t5-xxl-q4', 'No video model is called ltxv-13b; there are ltxv-2b-0.9.8-distilled,'],
    ['download:ltxv-2b-0.9.5?encoder=clip', 'No text encoder of LTX-Video 2B 0.9.5 is called clip; there are t5-xxl-fp8,'],
    ['download:ltxv-2b-0.9.5', 'No text encoder of LTX-Video 2B 0.9.5 is called (nothing);'],
    ['download:t5-xxl-q4?encoder=t5-xxl-q4', 'No video model is called t5-xxl-q4;'],
  ])('rejects %s', (url, message) => {
    expect(() => downloadedEntries(url)).toThrow(message)
  })
})

test.each(VIDEO)('$id has a valid manifest, whose defaults are a valid request', (source) => {
  const manifest = catalogueManifest(source)
  if (!manifest) throw new Error('no manifest')
  expect(parseManifest(JSON.parse(JSON.stringify(manifest)), 'kinora.json')).toEqual(manifest)
  const [size] = manifest.sizes
  const request: GenerateRequest = {
    model: manifest.id,
    prompt: '',
    width: size?.width ?? 0,
    height: size?.height ?? 0,
    frames: manifest.frames.default,
    fps: manifest.fps.default,
    steps: manifest.steps.default,
    guidance: manifest.guidance.default,
    seed: 0,
  }
  expect(requestProblems(request, manifest)).toEqual([])
  for (const { width, height } of manifest.sizes) expect([width % 32, height % 32]).toEqual([0, 0])
  for (const frames of manifest.frames.allowed) expect(frames % 8).toBe(1)
  expect(readPrompt('any words', manifest).every(({ known }) => known)).toBe(true)
})

test('allows sides in multiples of 32 and 8k + 1 frames, and no others', () => {
  const manifest = manifestOf('ltxv-2b-0.9.8-distilled')
  const fields = (changes: Partial<GenerateRequest>) =>
    requestProblems({ model: '', prompt: '', width: 64, height: 64, frames: 9, fps: 24, steps: 7, guidance: 1, seed: 0, ...changes }, manifest).map(
      ({ field }) => field,
    )
  expect(fields({})).toEqual([])
  expect(fields({ width: 80 })).toEqual(['width'])
  expect(fields({ frames: 10 })).toEqual(['frames'])
  expect(fields({ steps: 8, guidance: 2 }), 'it was distilled to seven steps without guidance').toEqual(['steps', 'guidance'])
})

test('has guidance by its preset only if the model is not distilled', () => {
  expect(manifestOf('ltxv-2b-0.9.6-distilled').guided).toBeUndefined()
  expect(manifestOf('ltxv-2b-0.9.5')).toMatchObject({
    steps: { default: 40 },
    guidance: { default: 3 },
    guided: { guidanceRescale: 0.7, stg: { scale: 1, skipBlocks: [19] }, negativePrompt: expect.stringContaining('worst quality') as string },
  })
})
