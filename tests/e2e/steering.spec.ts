// The words decide: the same request gives the same clip, and other words give another one.
import type { Page } from '@playwright/test'
import { expect, generate, smallClip, test } from './app'
import type { Finished } from './app'

const RED = 'a red sky at sunset'
const NIGHT = 'a starry night'
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]

test('same seed and settings, same latents; another seed or prompt, others', async ({ page, app }) => {
  await page.goto(app.url)
  const request = smallClip(app.starter)
  const first = await generate(page, request)
  const again = await generate(page, request)
  expect(again.report.latentsSha256).toBe(first.report.latentsSha256)
  expect(again.report.framesSha256).toBe(first.report.framesSha256)

  // a new page has a new device and compiles afresh
  await page.reload()
  const reloaded = await generate(page, request)
  expect(reloaded.report.latentsSha256).toBe(first.report.latentsSha256)

  const otherSeed = await generate(page, { ...request, seed: request.seed + 1 })
  expect(otherSeed.report.latentsSha256).not.toBe(first.report.latentsSha256)
  const otherPrompt = await generate(page, { ...request, prompt: NIGHT })
  expect(otherPrompt.report.latentsSha256).not.toBe(first.report.latentsSha256)
})

test('the upper third tells a red sky at sunset from a starry night, 16 times of 16', async ({ page, app }) => {
  test.setTimeout(1_800_000)
  await page.goto(app.url)
  const request = smallClip(app.starter, { steps: 4, guidance: app.starter.guidance.default })
  const verdicts: string[] = []
  for (const seed of SEEDS) {
    for (const prompt of [RED, NIGHT]) {
      const [red, , blue] = await upperThird(page, await generate(page, { ...request, prompt, seed }))
      // a sunset has more red than blue up there; a night never
      const looksLike = red > blue + 10 ? RED : NIGHT
      verdicts.push(`seed ${seed}, ${prompt}: ${looksLike === prompt ? 'right' : `wrong (red ${red.toFixed(0)}, blue ${blue.toFixed(0)})`}`)
    }
  }
  expect(verdicts.filter((verdict) => !verdict.endsWith('right'))).toEqual([])
  expect(verdicts).toHaveLength(16)
})

test('the same noise without words gives another clip than either', async ({ page, app }) => {
  await page.goto(app.url)
  const request = smallClip(app.starter, { guidance: 1 })
  const hashes = new Set<string>()
  for (const prompt of [RED, NIGHT, '']) hashes.add((await generate(page, { ...request, prompt })).report.framesSha256)
  expect(hashes.size).toBe(3)
})

/** Mean red, green and blue (0 to 255) of the upper third, over pictures at the clip's beginning, middle and end. */
async function upperThird(page: Page, { webm }: Finished): Promise<[number, number, number]> {
  return page.evaluate(async (base64) => {
    const blob = new Blob([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], { type: 'video/webm' })
    const video = document.createElement('video')
    video.muted = true
    video.src = URL.createObjectURL(blob)
    await new Promise((done, fail) => {
      video.onloadeddata = done
      video.onerror = () => fail(new Error('the clip does not play'))
    })
    const { videoWidth: width, videoHeight: height } = video
    const third = Math.floor(height / 3)
    const context = new OffscreenCanvas(width, height).getContext('2d')!
    const sums: [number, number, number] = [0, 0, 0]
    const parts = [0.1, 0.5, 0.9]
    for (const part of parts) {
      video.currentTime = video.duration * part
      await new Promise((done) => (video.onseeked = done))
      context.drawImage(video, 0, 0)
      const { data } = context.getImageData(0, 0, width, third)
      for (let pixel = 0; pixel < data.length; pixel += 4) {
        for (const channel of [0, 1, 2] as const) sums[channel] += data[pixel + channel]! / (width * third * parts.length)
      }
    }
    URL.revokeObjectURL(video.src)
    return sums
  }, webm)
}
