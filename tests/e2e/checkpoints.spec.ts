// A job that was stopped goes on from its last finished step, and its frames are those of a job that was not.
import type { Page } from '@playwright/test'
import type { AutomationResult } from '../../src/rpc/automation'
import type { GenerateRequest } from '../../src/shared/request'
import { readClipFrames } from '../evaluate/clip-frames'
import { CLIP_MS, expect, generate, keptIn, smallClip, test } from './app'

type Progress = { stage: string; step?: number; piece?: number }

/** What a page's job tells, and what is done about it. */
async function listen(page: Page): Promise<{ told: Progress[]; on: (react: ((event: Progress) => Promise<void>) | null) => void }> {
  const told: Progress[] = []
  let react: ((event: Progress) => Promise<void>) | null = null
  await page.exposeFunction('told', async (event: Progress) => {
    told.push(event)
    await react?.(event)
  })
  return { told, on: (next) => (react = next) }
}

/** Starts a job under an id and stops it once it has told what `until` waits for. */
async function stopped(page: Page, { on }: Awaited<ReturnType<typeof listen>>, request: GenerateRequest, id: string, until: (event: Progress) => boolean): Promise<void> {
  on(async (event) => {
    if (!until(event)) return
    on(null)
    await page.evaluate((job) => window.kinora!.cancel(job), id)
  })
  expect(await run(page, request, id)).toMatchObject({ ok: false, error: { code: 'cancelled' } })
}

function run(page: Page, request: GenerateRequest, checkpoint: string): Promise<AutomationResult> {
  return page.evaluate(
    ([what, id]) => {
      const { told } = window as unknown as { told?: (event: unknown) => Promise<void> }
      return window.kinora!.generate(what, { checkpoint: id }, (event) => void told?.(event))
    },
    [request, checkpoint] as const,
  )
}

// how a queue goes on with its jobs after a reload: queue.spec.ts
test('a clip of two windows, stopped in the second and gone on with, is the clip made at once', async ({ page, app }) => {
  test.setTimeout(6 * CLIP_MS)
  await page.goto(app.url)
  // more than the starter makes at once
  const request = smallClip(app.starter, { frames: 41, steps: 3 })
  const whole = await generate(page, request)

  const progress = await listen(page)
  await stopped(page, progress, request, 'one', ({ stage, step, piece }) => piece === 2 && stage === 'denoising' && step === 2)
  expect(await keptIn(page, 'jobs')).toEqual(['one'])

  progress.told.length = 0
  const result = await run(page, request, 'one')
  if (!result.ok) throw new Error(result.error.message)
  const steps = progress.told.filter(({ stage, step }) => stage === 'denoising' && step).map(({ piece, step }) => [piece, step])
  expect(steps, 'nothing is done twice: the first window is only decoded, of the second the last step is left').toEqual([[2, 2], [2, 3]])
  expect(result.report.framesSha256).toBe(whole.report.framesSha256)
  expect(await keptIn(page, 'jobs'), 'nothing is left of a finished job').toEqual([])
})

test('what is kept of a job is for its own request only, and goes when the job is forgotten', async ({ page, app }) => {
  test.setTimeout(4 * CLIP_MS)
  await page.goto(app.url)
  const request = smallClip(app.starter, { steps: 3 })
  await stopped(page, await listen(page), request, 'two', ({ stage, step }) => stage === 'denoising' && step === 2)
  const other = { ...request, seed: request.seed + 1 }
  const [fresh, under] = [await generate(page, other), await run(page, other, 'two')]
  if (!under.ok) throw new Error(under.error.message)
  expect(under.report.framesSha256).toBe(fresh.report.framesSha256)
  expect(under.report.stepMs).toHaveLength(3)

  await page.evaluate(async () => {
    const jobs = await (await navigator.storage.getDirectory()).getDirectoryHandle('jobs', { create: true })
    for (const name of ['kept', 'left']) await jobs.getDirectoryHandle(name, { create: true })
    await window.kinora!.forgetJobs(['left'])
  })
  expect(await keptIn(page, 'jobs')).toEqual(['kept'])
})

test('what a script’s job has come to is there for the page that comes after, and goes a day later', async ({ page, app }) => {
  test.setTimeout(4 * CLIP_MS)
  await page.goto(app.url)
  const request = smallClip(app.starter, { steps: 3 })
  const progress = await listen(page)
  await stopped(page, progress, request, 'four', ({ stage, step }) => stage === 'denoising' && step === 2)
  // another page that opens, and has looked through what is kept
  const other = await page.context().newPage()
  await leaveOldJob(other, app.url)
  await expect.poll(() => keptIn(other, 'jobs')).toEqual(['four'])
  progress.told.length = 0
  await page.reload()
  const result = await run(page, request, 'four')
  if (!result.ok) throw new Error(result.error.message)
  expect(progress.told.flatMap(({ stage, step }) => (stage === 'denoising' && step ? [step] : []))).toEqual([2, 3])

  await stopped(page, progress, request, 'five', ({ stage, step }) => stage === 'denoising' && step === 2)
  await other.clock.setFixedTime(Date.now() + 25 * 3_600_000)
  await other.reload()
  await expect.poll(() => keptIn(other, 'jobs')).toEqual([])
})

/** Leaves a job in which nothing was ever written, which every page that opens removes, and opens the app. */
async function leaveOldJob(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/manifest.webmanifest`)
  await page.evaluate(async () => (await (await navigator.storage.getDirectory()).getDirectoryHandle('jobs', { create: true })).getDirectoryHandle('old', { create: true }))
  await page.goto(url)
}

test('a long clip that is ended early is saved as far as it has come, with the request that makes just that', async ({ page, app }) => {
  test.setTimeout(6 * CLIP_MS)
  await page.goto(app.url)
  const request = smallClip(app.starter, { frames: 65, steps: 1 })
  const { on } = await listen(page)
  on(async ({ stage, piece }) => {
    if (piece === 2 && stage === 'denoising') await page.evaluate(() => window.kinora!.finishEarly('three'))
  })
  const result = await run(page, request, 'three')
  if (!result.ok) throw new Error(result.error.message)
  const frames = readClipFrames(Buffer.from(result.webm, 'base64'), request).length
  expect(frames).toBeGreaterThan(33)
  expect(frames).toBeLessThan(65)
  const short = await generate(page, { ...request, frames })
  expect(short.report.framesSha256).toBe(result.report.framesSha256)
})

test('a still is a picture of one frame, in the library too', async ({ page, app }) => {
  test.setTimeout(2 * CLIP_MS)
  await page.goto(app.url)
  const { webm, codec } = await generate(page, smallClip(app.starter, { frames: 1, prompt: 'a yellow kite' }))
  expect(codec).toBe('png')
  expect([...Buffer.from(webm, 'base64').subarray(0, 8)]).toEqual([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  await page.goto(`${app.url}/#/library`)
  await page.getByRole('link', { name: /a yellow kite/ }).or(page.getByRole('button', { name: /a yellow kite/ })).first().click()
  const picture = page.getByRole('img', { name: 'The clip: a yellow kite' })
  await expect(picture).toBeVisible()
  expect(await picture.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight])).toEqual([128, 128])
})
