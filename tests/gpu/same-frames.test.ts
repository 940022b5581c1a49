// The same recipe generates the same frames as version 0.1.0: every mode, with the starter and with a tiny LTX-Video of random weights.
// same-frames-recipes.json has the recipes as 0.1.0 wrote them, same-frames.json the hashes of their frames.
//
// Hashes are compared on the driver and processor kind that they were made on. Elsewhere the last bit of a sum may differ, and the means of
// 8×8 blocks of three frames are compared instead. The test fails on an adapter without stored hashes.
// KINORA_UPDATE_HASHES=1 stores this adapter's hashes: for a new adapter, or when frames are meant to change.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { LocalFiles } from '../../src/shared/local-files'
import { downloadedModelUrl, downloadedEntries, type DownloadedEntries } from '../../src/shared/model-address'
import type { Embeds } from '../../src/shared/prompt-embeds'
import { parseRecipe } from '../../src/shared/recipe'
import { parseRequest } from '../../src/shared/request-problems'
import { BT709 } from '../../workers/media/yuv'
import type { LoadedModel, TextServices } from '../../workers/models/architecture'
import { i420Format, RGBA_FORMAT } from '../../workers/pipeline/frame-format'
import { openModel } from '../../workers/pipeline/open-model'
import { tinyDevLtx, tinyLtx, tinyT5, tinyTokenizer } from '../e2e/tiny-ltx'
import type { Clip } from '../evaluate/clip'
import { clipInMemory } from '../evaluate/clip-in-memory'
import { serveFolder } from '../evaluate/serve-folder'
import { fixedEmbeds } from './fixed-embeds'
import { testGpu } from './open-gpu'

const { signal } = new AbortController()
/** Largest difference of a block's mean, of 255: less is invisible. */
const COARSE_LIMIT = 2
const BLOCKS = 8
/** A software adapter compiles many kernels for the first recipe of a model, and the machine may be busy. */
const RECIPE_MS = 600_000

/** A recipe's result. */
interface Made {
  framesSha256: string
  latentsSha256: string
  /** means of 8×8 blocks of each plane, of the first, middle and last frame: u8 [3, 3, 8, 8] in base64 */
  blocks: string
}

/** Results of an adapter; `made` by model and recipe. */
interface Stored {
  /** its driver, precision and processor */
  adapter: string
  made: Record<string, Made>
}

const STORE = new URL('same-frames.json', import.meta.url)
const readJson = (url: URL): unknown => JSON.parse(readFileSync(url, 'utf8'))
const recipes = readJson(new URL('same-frames-recipes.json', import.meta.url)) as Record<string, Record<string, unknown>>
const stored = (existsSync(STORE) ? readJson(STORE) : {}) as Record<string, Stored>
/** KINORA_ALTERNATE=1 runs every second recipe: a mode with the starter, the next with LTX-Video. */
const alternate = process.env['KINORA_ALTERNATE'] === '1'
const updates = process.env['KINORA_UPDATE_HASHES'] === '1'

const gpu = await testGpu()
const precision = gpu.facts.f16 ? 'f16' : 'f32'
const family = /llvmpipe/i.test(gpu.facts.name) ? 'lavapipe' : /swiftshader/i.test(gpu.facts.name) ? 'swiftshader' : gpu.facts.name
const adapter = `${gpu.facts.name}, ${precision}, ${processorKind()}`

/** A model, and its text encoder. */
interface Opened {
  model: LoadedModel
  embed: (prompt: string) => Promise<Embeds>
}

const MODELS: Record<string, () => Promise<Opened>> = {
  starter: openStarter,
  'tiny LTX': () => openTinyLtx('ltxv-2b-0.9.8-distilled', tinyLtx()),
  'tiny LTX, not distilled': () => openTinyLtx('ltxv-2b-0.9.5', tinyDevLtx(2)),
}

async function openStarter(): Promise<Opened> {
  const server = await serveFolder('public/models/starter')
  try {
    const model = await (await openModel(signal, server.url)).load(signal, gpu, { precision }, () => undefined)
    const width = model.textWidth
    return { model, embed: (prompt) => Promise.resolve(fixedEmbeds(prompt, width)) }
  } finally {
    server.close()
  }
}

/** From local files, with their text encoder and tokenizer. */
async function openTinyLtx(id: string, checkpoint: Uint8Array<ArrayBuffer>): Promise<Opened> {
  const url = downloadedModelUrl(id, 't5-xxl-fp8')
  const sources = downloadedEntries(url) as DownloadedEntries
  const localFiles = [
    localFile(sources.video.id, 'ltx.safetensors', checkpoint),
    localFile(sources.encoder.id, 't5.safetensors', tinyT5()),
    localFile(sources.tokenizer.id, 'tokenizer.json', Uint8Array.from(tinyTokenizer)),
  ]
  const opened = await openModel(signal, url, localFiles)
  const loaded = await opened.load(signal, gpu, { precision }, () => undefined)
  // chunks of 49 frames in place of 257: the overlap is the same
  const model = { ...loaded, manifest: { ...opened.manifest, frames: { default: 49, allowed: [25, 49] } } }
  const text: TextServices = { report: () => undefined, encodeText: () => Promise.reject(new Error('LTX-Video brings its encoder.')) }
  return { model, embed: async (prompt) => (await opened.embed(signal, gpu, [prompt], text))[0] as Embeds }
}

function localFile(source: string, name: string, bytes: Uint8Array<ArrayBuffer>): LocalFiles {
  const file = new File([bytes], name)
  return { schemaVersion: 1, source, place: { kind: 'file', file }, files: [{ path: name, bytes: file.size, lastModified: file.lastModified }] }
}

/** The frames of a clip: a square that moves over a colored background. Whole numbers, the same everywhere. */
function drawn(side: number, frames: number, seed: number): Clip {
  const [width, height] = [side, side]
  return {
    width,
    height,
    frames: Array.from({ length: frames }, (_, frame) =>
      Uint8ClampedArray.from({ length: width * height * 4 }, (_, at) => {
        const [channel, x, y] = [at % 4, Math.floor(at / 4) % width, Math.floor(at / 4 / width)]
        const inside = Math.abs(x - side / 8 - frame) < side / 8 && Math.abs(y - (side * seed) / 7) < side / 8
        return channel === 3 ? 255 : inside ? 60 * channel + 20 * seed : 255 - 40 * channel - 30 * seed - y
      }),
    ),
  }
}

/** The media that the recipes name. */
const GIVEN: Record<string, Map<string, Clip>> = Object.fromEntries(
  Object.keys(MODELS).map((name) => {
    const [side, frames] = name === 'starter' ? ([32, 17] as const) : ([64, 25] as const)
    const clip = (count: number, seed: number) => drawn(side, count, seed)
    return [name, new Map(Object.entries({ source: clip(frames, 1), other: clip(frames, 3), first: clip(1, 4), middle: clip(1, 5), last: clip(1, 6) }))]
  }),
)

test('has recipes for each model, and hashes for this adapter', () => {
  expect(Object.keys(recipes)).toEqual(Object.keys(MODELS))
  if (!updates) expect(Object.keys(stored), `Nothing is stored for ${family}. Check its frames, then store them: KINORA_UPDATE_HASHES=1.`).toContain(family)
})

const recipesOf = (name: string, model: number) => Object.entries(recipes[name] ?? {}).filter((_, index) => !alternate || index % 2 === model % 2)

describe.each(Object.entries(MODELS).map(([name, open], index) => ({ name, open, index })))('$name', ({ name, open, index }) => {
  let opened: Opened
  beforeAll(async () => {
    opened = await open()
    return () => opened.model.close()
  })

  test.each(recipesOf(name, index))(
    '%s',
    async (title, text) => {
      const { recipe, ignored } = parseRecipe(text)
      expect(ignored).toEqual([])
      const { model, embed } = opened
      const request = parseRequest(recipe.request, model.manifest)
      // in the formats that the page writes
      const still = request.frames === 1
      const form = still ? RGBA_FORMAT : i420Format(request.width, request.height, BT709)
      const { clip, result, framesSha256 } = await clipInMemory(signal, gpu, { model, request, given: GIVEN[name], embed, form })
      const { frames } = clip
      const shown = [0, Math.floor(frames.length / 2), frames.length - 1].map((index) => frames[index] as Uint8ClampedArray)
      const blocks = Buffer.concat(shown.map((frame) => blockMeans(frame, request, still))).toString('base64')
      const made: Made = { framesSha256, latentsSha256: result.latentsSha256, blocks }
      if (updates) store(`${name}: ${title}`, made)
      else compare(made, stored[family]?.made[`${name}: ${title}`])
    },
    RECIPE_MS,
  )
})

/** Bit-exact where the hashes were made, by the means of blocks elsewhere. */
function compare(made: Made, before: Made | undefined): void {
  if (!before) throw new Error(`Nothing is stored for this recipe on ${family}: KINORA_UPDATE_HASHES=1 stores it.`)
  const [now, then] = [made, before].map(({ blocks }) => Buffer.from(blocks, 'base64')) as [Buffer, Buffer]
  expect(now).toHaveLength(then.length)
  const furthest = Math.max(...now.map((value, at) => Math.abs(value - (then[at] as number))))
  expect(furthest, 'blocks of the first, middle and last frame, of 255').toBeLessThanOrEqual(COARSE_LIMIT)
  if (stored[family]?.adapter === adapter) expect(made).toEqual(before)
}

function store(name: string, made: Made): void {
  const kept = stored[family]
  stored[family] = { adapter, made: { ...(kept?.adapter === adapter && kept.made), [name]: made } }
}

afterAll(() => {
  if (updates) writeFileSync(STORE, `${JSON.stringify(stored, null, 1)}\n`)
  else if (stored[family]?.adapter !== adapter)
    console.warn(`Frames are compared by their blocks: hashes are of ${stored[family]?.adapter}, this is ${adapter}.`)
})

/** u8 [3, 8, 8]: of R, G and B of an image, of Y, U and V of a frame of a video. */
function blockMeans(frame: Uint8ClampedArray, { width, height }: { width: number; height: number }, rgba: boolean): Uint8Array {
  const half = { width: width / 2, height: height / 2 }
  const pixels = width * height
  const planes = rgba
    ? [0, 1, 2].map((from) => ({ from, step: 4, width, height }))
    : [
        { from: 0, step: 1, width, height },
        { from: pixels, step: 1, ...half },
        { from: (pixels * 5) / 4, step: 1, ...half },
      ]
  return Uint8Array.from(
    planes.flatMap(({ from, step, ...plane }) =>
      Array.from({ length: BLOCKS * BLOCKS }, (_, block) => {
        const [wide, high] = [plane.width / BLOCKS, plane.height / BLOCKS]
        const [left, top] = [(block % BLOCKS) * wide, Math.floor(block / BLOCKS) * high]
        let sum = 0
        for (let y = top; y < top + high; y++) for (let x = left; x < left + wide; x++) sum += frame[from + step * (y * plane.width + x)] as number
        return Math.round(sum / (wide * high))
      }),
    ),
  )
}

/** The instruction sets that a driver may compile for here. */
function processorKind(): string {
  const known = /^flags\s*:(.*)$/m.exec(existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '')?.[1]?.split(' ') ?? []
  return [process.arch, ...['sse4_1', 'avx', 'avx2', 'fma', 'f16c', 'avx512f'].filter((flag) => known.includes(flag))].join(' ')
}
