// Encoder and muxer in a real browser, checked with ffprobe and the browser's own player.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import { RECIPE_TAG, recipeOf } from '../../src/shared/recipe'
import { colorOf, type ClipSpec } from './harness/clip-spec'
import { expect, test } from './harness/serve'

const spec: ClipSpec = { width: 176, height: 96, fps: 8, frames: 41 }

async function makeClip(page: Page, clip: ClipSpec) {
  const facts = await page.evaluate((s) => window.workers.harness.makeClip(s), clip)
  const base64 = await page.evaluate(async () => {
    const blob = await window.workers.harness.bytes()
    return window.workers.base64(blob!)
  })
  return { facts, bytes: Buffer.from(base64, 'base64') }
}

interface Probe {
  format: { duration: string; format_name: string; tags?: Record<string, string> }
  streams: { codec_name: string; width: number; height: number; nb_read_frames: string; avg_frame_rate: string; color_space?: string }[]
  packets: { pts_time: string; flags: string }[]
}

/** The report of ffprobe after decoding every frame; throws for a broken file. */
function probe(bytes: Buffer): Probe {
  return withFile(bytes, (file) => {
    const args = ['-v', 'error', '-count_frames', '-show_format', '-show_streams', '-show_packets', '-of', 'json', file]
    return JSON.parse(execFileSync('ffprobe', args, { encoding: 'utf8' })) as Probe
  })
}

/** Mean color of each frame as ffmpeg decodes it, RGB u8. */
function colors(bytes: Buffer): number[][] {
  return withFile(bytes, (file) => {
    const raw = execFileSync('ffmpeg', ['-v', 'error', '-i', file, '-vf', 'scale=1:1:flags=area,format=rgb24', '-f', 'rawvideo', '-'])
    return Array.from({ length: raw.length / 3 }, (_, i) => [...raw.subarray(3 * i, 3 * i + 3)])
  })
}

/** Colors agree within the precision of 8-bit limited-range video; frames differ by more than a tolerance of 10. */
function expectColor(found: number[], frame: number, tolerance = 6): void {
  const worst = Math.max(...colorOf(frame).map((value, i) => Math.abs(value - found[i]!)))
  expect(worst, `frame ${frame}: ${found} for ${colorOf(frame)}`).toBeLessThanOrEqual(tolerance)
}

function withFile<T>(bytes: Buffer, use: (file: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'kinora-media-'))
  try {
    const file = join(folder, 'clip.webm')
    writeFileSync(file, bytes)
    return use(file)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

for (const [codec, name, codecString] of [
  ['vp9', 'vp9', 'vp09.00.10.08'],
  ['av1', 'av1', 'av01.0.00M.08'],
  ['vp8', 'vp8', 'vp8'],
] as const) {
  test(`${codec}: writes every frame in order, at its time and with its color`, async ({ page }) => {
    const { facts, bytes } = await makeClip(page, { ...spec, codecs: [codec] })
    expect(facts).toMatchObject({ codec: codecString, durationSeconds: 41 / 8, bytes: bytes.length, blobType: 'video/webm' })
    const { format, streams, packets } = probe(bytes)
    expect(streams).toHaveLength(1)
    expect(streams[0]).toMatchObject({ codec_name: name, width: 176, height: 96, nb_read_frames: '41', avg_frame_rate: '8/1' })
    expect(format.format_name).toContain('webm')
    expect(Number(format.duration)).toBeCloseTo(41 / 8, 6)
    expect(packets.map((p) => Number(p.pts_time))).toEqual(Array.from({ length: 41 }, (_, i) => i / 8))
    const keyframes = packets.filter((p) => p.flags.startsWith('K')).map((p) => Number(p.pts_time))
    expect(keyframes).toEqual([0, 2, 4])
    const seen = colors(bytes)
    expect(seen).toHaveLength(41)
    seen.forEach((color, frame) => expectColor(color, frame))
    const player = await page.evaluate(async () => {
      const video = document.querySelector('video')!
      video.src = URL.createObjectURL((await window.workers.harness.bytes())!)
      await new Promise((ready, failed) => {
        video.onloadeddata = ready
        video.onerror = () => failed(new Error(video.error?.message))
      })
      return [video.videoWidth, video.videoHeight, video.duration]
    })
    expect(player).toEqual([176, 96, 41 / 8])
  })
}

test('selects the first supported codec, and rejects a clip without any', async ({ page }) => {
  const [all, later, none] = await page.evaluate(async () => {
    const { harness } = window.workers
    return [await harness.encoderFor(176, 96, 8), await harness.encoderFor(176, 96, 8, ['vp8', 'vp9']), await harness.encoderFor(176, 96, 8, [])] as const
  })
  expect(all).toEqual({ codec: 'vp9', codecString: 'vp09.00.10.08', steady: true })
  expect(later?.codec).toBe('vp8')
  expect(none).toBeNull()
  const error = await page.evaluate((s) => window.workers.harness.makeClip(s).then(() => null, window.workers.toErrorData), { ...spec, codecs: [] })
  expect(error).toMatchObject({ code: 'no-encoder', details: { width: 176, height: 96 } })
})

test('selects AV1 if the browser has no VP9', async ({ page, harness }) => {
  // VideoEncoder reports VP9 as unsupported, as in a browser built without it
  await page.route('**/harness.worker-*.js', async (route) => {
    const response = await route.fetch()
    const deny = `{const ask=VideoEncoder.isConfigSupported;VideoEncoder.isConfigSupported=c=>c.codec.startsWith('vp09')?Promise.resolve({supported:false,config:c}):ask.call(VideoEncoder,c)};`
    await route.fulfill({ response, body: deny + (await response.text()) })
  })
  await page.goto(harness.url)
  const choice = await page.evaluate(() => window.workers.harness.encoderFor(176, 96, 8))
  expect(choice?.codec).toBe('av1')
})

test('rejects odd sides before anything is written', async ({ page }) => {
  const error = await page.evaluate((s) => window.workers.harness.makeClip(s).then(() => null, window.workers.toErrorData), { ...spec, width: 175 })
  expect(error).toMatchObject({ code: 'bad-request', details: { expected: 'even sides', got: '175×96' } })
  expect(await page.evaluate(() => window.workers.harness.files())).toEqual([])
})

test('plays in the page, and seeks to any frame', async ({ page }) => {
  const { facts } = await makeClip(page, { ...spec, fps: 24, frames: 121 })
  const frames = [100, 3, 57, 120, 0, 48, 47]
  const seen = await page.evaluate(async (frames) => {
    const video = document.querySelector('video')!
    const blob = await window.workers.harness.bytes()
    video.src = URL.createObjectURL(blob!)
    await new Promise((ready, failed) => {
      video.onloadeddata = ready
      video.onerror = () => failed(new Error(video.error?.message))
    })
    const canvas = new OffscreenCanvas(1, 1)
    const context = canvas.getContext('2d', { willReadFrequently: true })!
    const colors: number[][] = []
    for (const frame of frames) {
      // `seeked` may fire before the frame is shown
      const shown = new Promise((resolve) => video.requestVideoFrameCallback(resolve))
      video.currentTime = (frame + 0.5) / 24
      await shown
      context.drawImage(video, 0, 0, 1, 1)
      colors.push([...context.getImageData(0, 0, 1, 1).data])
    }
    return { colors, duration: video.duration, seekableEnd: video.seekable.end(0) }
  }, frames)
  expect(seen.duration).toBeCloseTo(facts.durationSeconds, 3)
  expect(seen.seekableEnd).toBeCloseTo(121 / 24, 3)
  frames.forEach((frame, i) => expectColor(seen.colors[i]!, frame, 10))
})

test('writes cues that point at every key frame', async ({ page }) => {
  const { bytes } = await makeClip(page, spec)
  const points = cuePoints(bytes)
  expect(points.map((p) => p.timeMs)).toEqual([0, 2000, 4000])
  for (const { clusterAt } of points) expect(bytes.readUInt32BE(clusterAt)).toBe(0x1f43b675) // a Cluster's id
})

test('writes a clip of one frame', async ({ page }) => {
  const { facts, bytes } = await makeClip(page, { ...spec, frames: 1 })
  const { format, streams } = probe(bytes)
  expect(streams[0]?.nb_read_frames).toBe('1')
  expect(Number(format.duration)).toBeCloseTo(1 / 8, 6)
  expect(facts).toMatchObject({ posterType: 'image/webp' })
})

test('stores the recipe as a tag that other programs find, and keeps every frame', async ({ page }) => {
  const request = {
    model: 'starter',
    prompt: 'ein roter Ballon über dem Meer ☀ “quoted”',
    width: 176,
    height: 96,
    frames: 41,
    fps: 8,
    steps: 4,
    guidance: 3,
    seed: 7,
  }
  const recipe = recipeOf(request, { id: 'starter', name: 'Kinora Starter', version: 2 })
  const { bytes } = await makeClip(page, { ...spec, recipe })
  const { format, streams } = probe(bytes)
  expect(JSON.parse(format.tags?.[RECIPE_TAG] ?? '')).toEqual(recipe)
  expect(streams[0]?.nb_read_frames).toBe('41')
  expect(cuePoints(bytes).map(({ timeMs }) => timeMs)).toEqual([0, 2000, 4000])
  const tags = await new Input({ source: new BufferSource(bytes), formats: ALL_FORMATS }).getMetadataTags()
  expect(tags.raw?.[RECIPE_TAG]).toBe(JSON.stringify(recipe))
})

test('uses the middle frame as the poster', async ({ page }) => {
  await makeClip(page, spec)
  const pixel = await page.evaluate(async () => {
    const image = await createImageBitmap((await window.workers.harness.poster())!)
    const context = new OffscreenCanvas(image.width, image.height).getContext('2d')!
    context.drawImage(image, 0, 0)
    return { size: [image.width, image.height], color: [...context.getImageData(90, 50, 1, 1).data] }
  })
  expect(pixel.size).toEqual([176, 96])
  expectColor(pixel.color, 20)
})

test('rejects a clip that ends early, and leaves no file after an abort', async ({ page }) => {
  const error = await page.evaluate((s) => window.workers.harness.makeClip(s).then(() => null, window.workers.toErrorData), { ...spec, stopAfter: 7 })
  expect(error).toMatchObject({ code: 'internal', details: { expected: 41, found: 7 } })
  await page.evaluate(async () => {
    await window.workers.harness.abort()
    await window.workers.harness.abort()
  })
  expect(await page.evaluate(() => window.workers.harness.files())).toEqual([])
})

test('uses memory that does not grow with the length of the clip', async ({ page }) => {
  test.slow() // a browser measures its memory at a garbage collection, which may take long
  const held = async (frames: number) => {
    await page.evaluate((s) => window.workers.harness.makeClip(s), { width: 64, height: 64, fps: 24, frames, noise: true })
    return page.evaluate(async () => {
      const measuring = performance as Performance & { measureUserAgentSpecificMemory(): Promise<{ bytes: number }> }
      const { bytes } = await measuring.measureUserAgentSpecificMemory()
      return { heldBytes: bytes, clipBytes: (await window.workers.harness.bytes())!.size }
    })
  }
  const short = await held(100)
  const long = await held(2000)
  expect(long.clipBytes).toBeGreaterThan(5_000_000)
  expect(long.heldBytes - short.heldBytes).toBeLessThan(long.clipBytes / 10)
})

/** Parses the cues: each CuePoint's time and the position of its cluster in the file. */
function cuePoints(bytes: Buffer): { timeMs: number; clusterAt: number }[] {
  const segment = elements(bytes, 0, bytes.length).find((e) => e.id === 0x18538067)!
  const children = elements(bytes, segment.start, segment.end)
  const seekHead = children.find((e) => e.id === 0x114d9b74)!
  const cues = children.find((e) => e.id === 0x1c53bb6b)!
  // the seek head must point there, because players do not search the whole file for the cues
  const [firstSeek] = elements(bytes, seekHead.start, seekHead.end)
  const [id, position] = elements(bytes, firstSeek!.start, firstSeek!.end)
  if (uint(bytes, id!) !== 0x1c53bb6b || segment.start + uint(bytes, position!) !== cues.at) throw new Error('The seek head does not point at the cues.')
  return elements(bytes, cues.start, cues.end).map((point) => {
    const [time, positions] = elements(bytes, point.start, point.end)
    const cluster = elements(bytes, positions!.start, positions!.end).find((e) => e.id === 0xf1)!
    return { timeMs: uint(bytes, time!), clusterAt: segment.start + uint(bytes, cluster) }
  })
}

interface Element {
  id: number
  at: number
  start: number
  end: number
}

function uint(bytes: Buffer, { start, end }: Element): number {
  return bytes.readUIntBE(start, end - start)
}

function elements(bytes: Buffer, from: number, to: number): Element[] {
  const found: Element[] = []
  for (let at = from; at < to;) {
    const idLength = Math.clz32(bytes[at]!) - 23
    const id = bytes.readUIntBE(at, idLength)
    const first = bytes[at + idLength]!
    const sizeLength = Math.clz32(first) - 23
    let size = first & (0xff >> sizeLength)
    for (let i = 1; i < sizeLength; i++) size = size * 256 + bytes[at + idLength + i]!
    const start = at + idLength + sizeLength
    found.push({ id, at, start, end: start + size })
    at = start + size
  }
  return found
}
