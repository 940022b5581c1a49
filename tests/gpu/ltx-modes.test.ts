// Every mode with LTX-Video: a tiny model of random weights, opened from local files, through the pipeline of every clip.
// Random weights give no recognizable image. Checked is what holds for any weights: the plan, and that conditioning stays unchanged.
import { beforeAll, describe, expect, test, vi } from 'vitest'
import type { LocalFiles } from '../../src/shared/local-files'
import type { Embeds } from '../../src/shared/prompt-embeds'
import { downloadedModelUrl, downloadedEntries, type DownloadedEntries } from '../../src/shared/model-address'
import { blendParts } from '../../src/shared/modes/blend'
import { truncatedRequest, planOf, shownFrames, type Piece, type ChunkPiece } from '../../src/shared/plan'
import { parseRecipe, recipeOf, recipeText } from '../../src/shared/recipe'
import type { ClipPart, Condition, GenerateRequest } from '../../src/shared/request'
import { parseRequest } from '../../src/shared/request-problems'
import { withScope } from '../../workers/engine/scope'
import { BT709 } from '../../workers/media/yuv'
import { openModel } from '../../workers/pipeline/open-model'
import { i420Format, type FrameFormat } from '../../workers/pipeline/frame-format'
import { encodeRgba } from '../../workers/pipeline/encode-frames'
import { latentCount, latentGrid } from '../../workers/models/latent-grid'
import type { FrameEncoder, LoadedModel, TextServices } from '../../workers/models/architecture'
import { injectConditioning, type ConditioningLatents } from '../../workers/pipeline/inject-conditioning'
import type { JobCheckpoint, LoopState } from '../../workers/storage/checkpoints'
import type { Clip } from '../evaluate/clip'
import { clipInMemory } from '../evaluate/clip-in-memory'
import { tinyLtx, tinyT5, tinyTokenizer } from '../e2e/tiny-ltx'
import { testGpu } from './open-gpu'

const { signal } = new AbortController()
const URL_OF_MODEL = downloadedModelUrl('ltxv-2b-0.9.8-distilled', 't5-xxl-fp8')
const SIZE = { width: 64, height: 64 }
const FPS = 24
/** prompts are encoded by the model's own encoder */
const TEXT: TextServices = { report: () => undefined, encodeText: () => Promise.reject(new Error('LTX-Video brings its encoder.')) }
/** Frames of a chunk, in place of 257: the overlap is the same. */
const LONGEST = 49

let model: LoadedModel
let embed: (prompt: string) => Promise<Embeds>

beforeAll(async () => {
  const gpu = await testGpu()
  const sources = downloadedEntries(URL_OF_MODEL) as DownloadedEntries
  const localFiles = [
    localFile(sources.video.id, 'ltx.safetensors', tinyLtx()),
    localFile(sources.encoder.id, 't5.safetensors', tinyT5()),
    localFile(sources.tokenizer.id, 'tokenizer.json', Uint8Array.from(tinyTokenizer)),
  ]
  const opened = await openModel(signal, URL_OF_MODEL, localFiles)
  const loaded = await opened.load(signal, gpu, { precision: 'f32' }, () => undefined)
  model = { ...loaded, manifest: { ...opened.manifest, frames: { default: LONGEST, allowed: [25, LONGEST] } } }
  const embedded = new Map<string, Embeds>()
  embed = async (prompt) => {
    const known = embedded.get(prompt) ?? ((await opened.embed(signal, gpu, [prompt], TEXT))[0] as Embeds)
    embedded.set(prompt, known)
    return known
  }
  return () => loaded.close()
})

function localFile(source: string, name: string, bytes: Uint8Array<ArrayBuffer>): LocalFiles {
  const file = new File([bytes], name)
  return { schemaVersion: 1, source, place: { kind: 'file', file }, files: [{ path: name, bytes: file.size, lastModified: file.lastModified }] }
}

/** The frames of a clip: a square that moves over a colored background. */
function drawn(frames: number, seed: number): Clip {
  const { width, height } = SIZE
  return {
    ...SIZE,
    frames: Array.from({ length: frames }, (_, frame) =>
      Uint8ClampedArray.from({ length: width * height * 4 }, (_, at) => {
        const [channel, x, y] = [at % 4, Math.floor(at / 4) % width, Math.floor(at / 4 / width)]
        const inside = Math.abs(x - 8 - frame) < 8 && Math.abs(y - 10 * seed) < 8
        return channel === 3 ? 255 : inside ? 60 * channel + 20 * seed : 255 - 40 * channel - 30 * seed - y
      }),
    ),
  }
}

const given = new Map(
  Object.entries({ source: drawn(25, 1), other: drawn(25, 3), long: drawn(57, 2), first: drawn(1, 4), middle: drawn(1, 5), last: drawn(1, 6) }),
)
const part = (id: string) => ({ source: { kind: 'clip', id } as const })
const image = (id: string, atFrame: number): Condition => ({ source: { kind: 'image', id }, atFrame, strength: 1 })
const seconds = 25 / FPS

/** A request, the number of its frames, and the conditioning latent frames of each chunk: in place, and appended to the grid. */
interface Mode {
  request: Partial<GenerateRequest>
  frames: number
  conditioning: [inPlace: number, appended: number][]
}

const MODES: Record<string, Mode> = {
  image: {
    request: { frames: 57, conditions: [image('first', 0)] },
    frames: 57,
    conditioning: [
      [1, 0],
      [3, 0],
    ],
  },
  extend: {
    request: { frames: 41, prefix: part('source') },
    frames: 25 + 40,
    conditioning: [
      [3, 0],
      [3, 0],
    ],
  },
  'extend backwards': {
    request: { frames: 41, suffix: part('source') },
    frames: 40 + 25,
    conditioning: [
      [1, 2],
      [1, 2],
    ],
  },
  keyframes: {
    request: { frames: 57, conditions: [image('first', 0), image('middle', 20), image('last', 56)] },
    frames: 57,
    conditioning: [
      [1, 1],
      [3, 1],
    ],
  },
  'fill a gap': {
    request: { frames: 25, prefix: { ...part('source'), toSeconds: 9 / FPS }, suffix: { ...part('source'), fromSeconds: 16 / FPS } },
    frames: 9 + 23 + 9,
    conditioning: [
      [3, 0],
      [4, 2],
    ],
  },
  blend: {
    request: { frames: 25, ...blendParts({ ...part('source'), seconds }, { ...part('other'), seconds }) },
    frames: 13 + 23 + 12,
    conditioning: [
      [3, 0],
      [4, 2],
    ],
  },
  loop: {
    request: { frames: 25, prefix: part('source'), loop: true },
    frames: 25 + 23,
    conditioning: [
      [3, 0],
      [4, 2],
    ],
  },
  'loop of its own': {
    request: { frames: 25, loop: true },
    frames: 25 + 15,
    conditioning: [
      [0, 0],
      [4, 2],
    ],
  },
  remix: {
    request: { frames: 57, initVideo: { ...part('long'), strength: 0.95 } },
    frames: 57,
    conditioning: [
      [0, 0],
      [3, 0],
    ],
  },
  're-time': {
    request: { frames: 57, initVideo: { ...part('source'), strength: 0.95, stretch: true } },
    frames: 57,
    conditioning: [
      [0, 0],
      [3, 0],
    ],
  },
  storyboard: {
    request: {
      prompt: 'the sea',
      shots: [
        { prompt: 'a red boat', frames: 25, join: 'cut' },
        { prompt: 'a white boat', frames: 49, join: 'continue' },
        { prompt: 'the sun', frames: 25, join: 'dissolve', conditions: [image('first', 0)] },
      ],
    },
    frames: 25 + 48 + 25 - 12,
    conditioning: [
      [0, 0],
      [3, 0],
      [3, 0],
      [1, 0],
    ],
  },
}

const requestOf = (changes: Partial<GenerateRequest>): GenerateRequest =>
  parseRequest(
    { model: 'ltx', prompt: 'a red sailboat over the sea', ...SIZE, frames: 25, fps: FPS, steps: 7, guidance: 1, seed: 3, ...changes },
    model.manifest,
  )

/**
 * Generates a clip, and records the tokens of each chunk after each step.
 * @param stored states of an earlier run, by chunk
 * @param form format of its frames
 */
async function make(changes: Partial<GenerateRequest>, stored = new Map<number, LoopState>(), endsEarly = () => false, form?: FrameFormat) {
  const steps = new Map<number, LoopState[]>()
  const checkpoint: JobCheckpoint = {
    chunk: (index) => ({ read: () => Promise.resolve(stored.get(index)), save: (state) => void steps.set(index, [...(steps.get(index) ?? []), state]) }),
    settle: () => Promise.resolve(),
    remove: () => Promise.resolve(),
  }
  const request = requestOf(changes)
  const encode = vi.spyOn(model.encoder as FrameEncoder, 'encode')
  const made = await clipInMemory(signal, await testGpu(), { model, request, given, embed, checkpoint, endsEarly, form })
  return { request, ...made, steps, encoded: encode.mock.calls.splice(0).length }
}
type Made = Awaited<ReturnType<typeof make>>

/** Where each piece begins in the clip. */
function beginnings(plan: readonly Piece[]): number[] {
  let at = 0
  return plan.map((piece) => {
    const begins = at - piece.dissolve
    at = begins + (piece.kind === 'media' ? partOf(piece.part).length : shownFrames(piece))
    return begins
  })
}

function partOf({ source, fromSeconds = 0, toSeconds = Infinity }: ClipPart): Uint8ClampedArray[] {
  return (given.get(source.id) as Clip).frames.filter((_, frame) => frame >= Math.round(fromSeconds * FPS) && frame < Math.round(toSeconds * FPS))
}

/** `count` frames from `first` on; those before the first and after the last repeat these. */
function slice(frames: readonly Uint8ClampedArray[], first: number, count: number): Uint8ClampedArray<ArrayBuffer> {
  const size = SIZE.width * SIZE.height * 4
  const all = new Uint8ClampedArray(count * size)
  for (let index = 0; index < count; index++) all.set(frames[Math.min(frames.length - 1, Math.max(0, first + index))] as Uint8ClampedArray, index * size)
  return all
}

/** The encoded conditioning of a chunk by its plan: tokens f32 [N + K, C], and the strength of each. */
async function conditioningOf({ plan, clip, request, steps }: Made, index: number) {
  const chunk = plan[index] as ChunkPiece
  const grid = latentGrid({ ...request, frames: chunk.frames }, model.manifest)
  const begins = beginnings(plan)[index] as number
  const conditioning = await withScope(await testGpu(), async (scope) => {
    const all: ConditioningLatents[] = []
    const encode = async (rgba: Uint8ClampedArray<ArrayBuffer>, atFrame: number) => {
      all.push(await encodeRgba({ signal }, scope, model.encoder as FrameEncoder, grid, { ...SIZE, rgba, atFrame, strength: 1 }))
    }
    for (const { at, frames: count, of } of chunk.context) {
      const atFrame = at === 'start' ? 0 : chunk.frames - count
      if (of === 'last-shown') await encode(slice(clip.frames.slice(0, begins), begins - count, count), atFrame)
      else if (of === 'first-shown') await encode(slice(clip.frames, 0, count), atFrame)
      else if (of !== 'next-chunk') await encode(slice(partOf(of), 0, count), atFrame)
      // the first three latent frames of the next chunk, as they were generated
      else
        all.push({
          values: (steps.get(index + 1)?.at(-1)?.tokens as Float32Array).slice(0, 3 * grid.height * grid.width * grid.channels),
          atFrame,
          strength: 1,
        })
    }
    for (const { source, atFrame } of chunk.conditions) await encode(slice((given.get(source.id) as Clip).frames, 0, 1), atFrame)
    return all
  })
  const {
    latent: tokens,
    strengths: ofFrames,
    appended,
  } = injectConditioning(new Float32Array(latentCount(grid)), grid, model.manifest.latent.scaleTime, conditioning, (_, count) => new Float32Array(count))
  const perFrame = grid.height * grid.width
  const strengths = Float32Array.from({ length: ofFrames.length * perFrame }, (_, token) => ofFrames[Math.floor(token / perFrame)] as number)
  const latents = ofFrames.filter((strength) => strength === 1).length
  return { tokens, strengths, channels: grid.channels, count: [latents - appended.length, appended.length] }
}

describe.each(Object.entries(MODES))('%s', (_, { request: changes, frames, conditioning }) => {
  let made: Made
  beforeAll(async () => {
    made = await make(changes)
  })

  test('has the planned frames, with those of its sources unchanged', () => {
    const { clip, plan, result } = made
    expect(clip.frames).toHaveLength(frames)
    expect(result.latents?.every(Number.isFinite)).toBe(true)
    expect(new Set(clip.frames.at(-1)).size, 'an image, not one color').toBeGreaterThan(20)
    for (const [index, piece] of plan.entries()) {
      if (piece.kind !== 'media') continue
      const own = partOf(piece.part)
      const begins = beginnings(plan)[index] as number
      expect(own.filter((frame, at) => !Buffer.from(frame).equals(Buffer.from(clip.frames[begins + at] as Uint8ClampedArray)))).toHaveLength(0)
    }
  })

  test('keeps the conditioning of each chunk bit-exact in every step', async () => {
    const chunks = [...made.plan.entries()].filter(([, { kind }]) => kind === 'chunk').map(([index]) => index)
    expect(chunks).toHaveLength(conditioning.length)
    for (const [at, index] of chunks.entries()) {
      const { tokens, strengths, channels, count } = await conditioningOf(made, index)
      expect(count).toEqual(conditioning[at])
      const steps = made.steps.get(index) ?? []
      expect(steps.length).toBeGreaterThan(0)
      for (const state of steps) {
        expect(state.tokens).toHaveLength(tokens.length)
        expect(state.tokens.every(Number.isFinite)).toBe(true)
        expect(state.tokens.filter((value, place) => strengths[Math.floor(place / channels)] === 1 && value !== tokens[place])).toHaveLength(0)
      }
      // the other tokens change
      const [first, last] = [steps[0], steps.at(-1)]
      expect(first?.tokens).not.toEqual(last?.tokens)
    }
  })

  test('is repeated exactly from its recipe', async () => {
    const { request, plan, result, framesSha256 } = made
    const { recipe, ignored } = parseRecipe(JSON.parse(recipeText(recipeOf(request, model.manifest))))
    expect(ignored).toEqual([])
    expect(planOf(recipe.request, model.manifest)).toEqual(plan)
    const again = await make(recipe.request)
    expect(again.result.latentsSha256).toBe(result.latentsSha256)
    expect(again.framesSha256).toBe(framesSha256)
  })
})

test('changes the clip with each image, at any frame', async () => {
  const { request: changes } = MODES['keyframes'] as Mode
  const { framesSha256 } = await make(changes)
  for (const other of [0, 1, 2]) {
    const conditions =
      changes.conditions?.map((condition, index) => (index === other ? { ...condition, source: { kind: 'image', id: 'other' } as const } : condition)) ?? []
    expect((await make({ ...changes, conditions })).framesSha256).not.toBe(framesSha256)
  }
})

test.each(['extend backwards', 'fill a gap'])('%s resumes without generating or encoding finished chunks again', async (mode) => {
  const { request: changes } = MODES[mode] as Mode
  const whole = await make(changes)
  // backwards chunk 1 is generated first, forwards chunk 0; the other was stopped after three steps
  const [finished, begun] = [...whole.steps.keys()] as [number, number]
  const stateOf = (index: number, step: number) => whole.steps.get(index)?.[step - 1] as LoopState
  const again = await make(
    changes,
    new Map([
      [finished, stateOf(finished, 7)],
      [begun, stateOf(begun, 3)],
    ]),
  )
  expect(again.framesSha256).toBe(whole.framesSha256)
  expect([...again.steps].map(([index, states]) => [index, states.map(({ step }) => step)])).toEqual([[begun, [4, 5, 6, 7]]])
  expect([whole.encoded, again.encoded]).toEqual(mode === 'fill a gap' ? [3, 2] : [1, 0])
})

test('begins with the current chunk if a backward extension is stopped early, like its shorter request', async () => {
  const { request: changes } = MODES['extend backwards'] as Mode
  const long = { ...changes, frames: 81 }
  let made = 0
  const ended = await make(long, new Map(), () => ++made === 2)
  expect(ended.plan).toHaveLength(4)
  expect(ended.result.pieces).toBe(3)
  const again = await make(truncatedRequest(ended.request, ended.plan, ended.result.pieces))
  expect(again.plan).toHaveLength(3)
  expect(again.framesSha256).toBe(ended.framesSha256)
})

test.each([
  ['converted to I420 on the GPU, for text alone', {}, 0],
  ['converted to I420 afterwards, beside conditioning', (MODES['extend'] as Mode).request, 65],
])('gives the same frames %s', async (_, changes, converted) => {
  const { ofRgba, ...rest } = i420Format(SIZE.width, SIZE.height, BT709)
  const form: FrameFormat = { ...rest, ofRgba: vi.fn(ofRgba) }
  const rgba = await make(changes)
  const made = await make(changes, new Map(), () => false, form)
  expect(form.ofRgba).toHaveBeenCalledTimes(converted)
  expect(made.clip.frames).toEqual(rgba.clip.frames.map((frame) => ofRgba(frame as Uint8ClampedArray<ArrayBuffer>)))
})
