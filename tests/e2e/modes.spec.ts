// Every mode but text to video, through the page's own workers: given frames are in the clip, and the clip continues from them.
import type { Page } from '@playwright/test'
import type { GenerateRequest, MediaRef } from '../../src/shared/request'
import { median, psnr, readClipFrames, stepBetween, stepsOf } from '../evaluate/clip-frames'
import { CLIP_MS, generate, smallClip } from './app'
import { expect, test } from './warm'

const SIZE = { width: 128, height: 128 }

// The bounds at 17 frames and 10 steps (`npm run evaluate`: seams of 0.5 to 1.5 times the median step) also hold at the 9 frames and 2 steps
// of these tests unless given otherwise; here the steps of one clip are from 0.3 to 1.8 times its own median, by groups of frames.
const expectRatio = (ratio: number, { least = 0.5, most = 1.5 } = {}) => {
  expect(ratio).toBeGreaterThan(least)
  expect(ratio).toBeLessThan(most)
}

/** Generates a clip through the page. @returns its frames, and its id in the library */
async function make(page: Page, request: GenerateRequest): Promise<{ id: string; frames: Uint8Array[] }> {
  const { webm, id } = await generate(page, request)
  if (id === null) throw new Error('The clip was not saved.')
  return { id, frames: readClipFrames(Buffer.from(webm, 'base64'), request) }
}

/** Saves one frame of a clip as an asset of the page, as a PNG file. */
async function saveFrame(page: Page, frame: Uint8Array, { width, height } = SIZE): Promise<MediaRef> {
  const id = await page.evaluate(
    async ([rgb, w, h]) => {
      const canvas = new OffscreenCanvas(w, h)
      const pixels = new ImageData(w, h)
      for (let at = 0; at < w * h; at++) pixels.data.set([rgb[3 * at]!, rgb[3 * at + 1]!, rgb[3 * at + 2]!, 255], 4 * at)
      canvas.getContext('2d')!.putImageData(pixels, 0, 0)
      const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer())
      return (await window.kinora!.saveAsset('image.png', 'image/png', btoa(String.fromCharCode(...bytes)))).id
    },
    [[...frame], width, height] as const,
  )
  return { kind: 'image', id }
}

test('keeps given images and clips in the generated clips', async ({ page, app }) => {
  test.setTimeout(12 * CLIP_MS)
  const request = (changes: Partial<GenerateRequest> = {}) => smallClip(app.starter, { ...SIZE, ...changes })
  const source = await make(page, request({ frames: 9, prompt: 'a red balloon over the sea in the daytime' }))
  const step = median(stepsOf(source.frames))
  expect(source.frames).toHaveLength(9)

  await test.step('image to video: the first frame is the image', async () => {
    const image = await saveFrame(page, source.frames[4]!)
    const clip = await make(page, request({ conditions: [{ source: image, atFrame: 0, strength: 1 }] }))
    expect(psnr(clip.frames[0]!, source.frames[4]!)).toBeGreaterThan(25)
    const own = median(stepsOf(clip.frames))
    expect(own, 'it moves').toBeGreaterThan(0.1)
    expectRatio(stepBetween(clip.frames[0]!, clip.frames[1]!) / own, { most: 2 })
  })

  await test.step('extend: keeps the source, then adds frames without a seam', async () => {
    const clip = await make(page, request({ frames: 9, prefix: { source: { kind: 'clip', id: source.id } } }))
    expect(clip.frames).toHaveLength(9 + 8)
    expect(psnr(clip.frames[8]!, source.frames[8]!)).toBeGreaterThan(30)
    expectRatio(stepBetween(clip.frames[8]!, clip.frames[9]!) / step)
    expectRatio(median(stepsOf(clip.frames.slice(8))) / step)
  })

  await test.step('extend backwards: new frames, then the source', async () => {
    const clip = await make(page, request({ frames: 9, suffix: { source: { kind: 'clip', id: source.id } } }))
    expect(clip.frames).toHaveLength(8 + 9)
    expect(psnr(clip.frames[8]!, source.frames[0]!)).toBeGreaterThan(30)
    // the new frames lead to the source, at half its pace in so few steps
    expectRatio(stepBetween(clip.frames[7]!, clip.frames[8]!) / step, { least: 0.25 })
    expectRatio(median(stepsOf(clip.frames.slice(0, 9))) / step, { least: 0.25 })
  })

  await test.step('loop: the last frame leads to the first', async () => {
    const clip = await make(page, request({ frames: 9, prefix: { source: { kind: 'clip', id: source.id } }, loop: true }))
    expect(clip.frames).toHaveLength(9 + 7)
    expectRatio(stepBetween(clip.frames.at(-1)!, clip.frames[0]!) / median(stepsOf(clip.frames)))
  })

  await test.step('remix: is nearer to the clip at a lower strength', async () => {
    const remix = (strength: number) =>
      make(
        page,
        request({ frames: 9, steps: 6, prompt: 'a blue balloon over the sea at sunset', initVideo: { source: { kind: 'clip', id: source.id }, strength } }),
      )
    const [subtle, strong] = [await remix(0.3), await remix(1)]
    const near = (frames: Uint8Array[]) => psnr(frames[4]!, source.frames[4]!)
    expect(near(subtle.frames)).toBeGreaterThan(near(strong.frames) + 2)
  })

  await test.step('storyboard: dissolves between two shots', async () => {
    const clip = await make(
      page,
      request({
        prompt: 'flat style',
        shots: [
          { prompt: 'a red car', frames: 9, join: 'cut' },
          { prompt: 'a white bird', frames: 9, join: 'dissolve' },
        ],
      }),
    )
    expect(clip.frames).toHaveLength(9 + 9 - 4)
  })
})

test('names an image or clip that is missing or unreadable', async ({ page, app }) => {
  const failure = (changes: Partial<GenerateRequest>) =>
    page.evaluate(
      async (request) => {
        const result = await window.kinora!.generate(request)
        return result.ok ? null : { code: result.error.code, message: result.error.message }
      },
      smallClip(app.starter, changes),
    )
  const text = await page.evaluate(async () => (await window.kinora!.saveAsset('notes.txt', 'text/plain', btoa('no image'))).id)
  const empty = await page.evaluate(async () => (await window.kinora!.saveAsset('empty.mp4', 'video/mp4', '')).id)
  expect(await failure({ conditions: [{ source: { kind: 'image', id: 'f00d'.repeat(16) }, atFrame: 0, strength: 1 }] })).toMatchObject({ code: 'not-found' })
  expect(await failure({ conditions: [{ source: { kind: 'image', id: text }, atFrame: 0, strength: 1 }] })).toEqual({
    code: 'unreadable-media',
    message: 'notes.txt: expected an image that this browser can decode (JPEG, PNG, WebP, AVIF or GIF), got text/plain.',
  })
  expect(await failure({ prefix: { source: { kind: 'video', id: text } } })).toMatchObject({ code: 'unreadable-media' })
  expect(await failure({ prefix: { source: { kind: 'video', id: empty } } })).toEqual({
    code: 'unreadable-media',
    message: 'empty.mp4: expected a video that this browser can decode (mostly H.264, VP9 or AV1 in MP4, MOV, WebM or MKV), got an empty file.',
  })
  expect(await failure({ prefix: { source: { kind: 'clip', id: 'gone' } } })).toMatchObject({ code: 'not-found' })
})
