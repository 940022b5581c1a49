// A job in the real generate worker: cancelled, resumed, stopped early, rejected, cached; and what it leaves on the GPU and in storage.
import type { Page } from '@playwright/test'
import { CACHE_LEVELS } from '../../src/shared/cache-levels'
import { readClipFrames } from '../evaluate/clip-frames'
import { generate, storedIn, records } from './app'
import { anyEmbeds, expect, runJob, test, tinyClip } from './warm'

const gpuBuffers = (page: Page) => page.evaluate(() => window.kinora!.gpuBuffers())
const make = (page: Page, request: Parameters<typeof generate>[1]) => generate(page, request, { embeds: anyEmbeds() })

/** The result of a finished job. */
function finished({ result }: Awaited<ReturnType<typeof runJob>>) {
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result
}

/** The steps that a job reported, with their chunks where there are several. */
const stepsOf = ({ events }: Awaited<ReturnType<typeof runJob>>) =>
  events.flatMap(({ stage, step, piece }) => (stage === 'denoising' && step ? [piece ? [piece, step] : step] : []))

test('cancels within a step, and frees what the job held', async ({ page, app }) => {
  const request = tinyClip(app, { steps: app.starter.steps.max })
  const job = await runJob(page, request, 'cancelled', { at: { stage: 'denoising', step: 3 }, act: 'cancel' })
  expect(job.result).toMatchObject({ ok: false, error: { code: 'cancelled' } })
  const [second, third] = [2, 3].map((step) => job.events.find((event) => event.stage === 'denoising' && event.step === step)!.atMs) as [number, number]
  expect(job.endedMs - job.requestedMs, `a step takes ${third - second} ms`).toBeLessThan(1.5 * (third - second) + 1000)
  const buffers = await gpuBuffers(page)
  expect(buffers.live).toBe(buffers.weights)
  expect(await records(page), 'nothing was saved').toEqual([])
})

test('leaves only weights on the GPU after a clip, and reuses them in the next job', async ({ page, app }) => {
  await make(page, tinyClip(app))
  const first = await gpuBuffers(page)
  expect(first.live).toBe(first.weights)
  expect(first.weights).toBeGreaterThan(10)
  await make(page, tinyClip(app, { seed: 8 }))
  expect(await gpuBuffers(page)).toEqual(first)
})

test('rejects a size that the model does not support, and leaves nothing behind', async ({ page, app }) => {
  const request = tinyClip(app)
  await make(page, request)
  const before = await gpuBuffers(page)
  const result = await page.evaluate((what) => window.kinora!.generate(what), { ...request, width: request.width + 1 })
  expect(result).toMatchObject({ ok: false, error: { code: 'bad-request', details: { got: `${request.width + 1}×${request.height}` } } })
  expect(await gpuBuffers(page)).toEqual(before)
})

test('resumes a clip in its second chunk to the frames of an uninterrupted job', async ({ page, app }) => {
  // more than one chunk of the starter
  const request = tinyClip(app, { frames: 41, steps: 3 })
  const whole = await make(page, request)
  const stopped = await runJob(page, request, 'one', { at: { piece: 2, stage: 'denoising', step: 2 }, act: 'cancel' })
  expect(stopped.result).toMatchObject({ ok: false, error: { code: 'cancelled' } })
  expect(await storedIn(page, 'jobs')).toEqual(['one'])
  const resumed = await runJob(page, request, 'one')
  expect(stepsOf(resumed), 'no step is repeated: the first chunk is only decoded, and the second continues after step 2').toEqual([
    [2, 2],
    [2, 3],
  ])
  expect(finished(resumed).report.framesSha256).toBe(whole.report.framesSha256)
  expect(await storedIn(page, 'jobs'), 'a finished job has no checkpoint').toEqual([])
})

test('uses a checkpoint for its own request only, and deletes it with its job', async ({ page, app }) => {
  const request = tinyClip(app, { steps: 3 })
  await runJob(page, request, 'two', { at: { stage: 'denoising', step: 2 }, act: 'cancel' })
  const other = { ...request, seed: request.seed + 1 }
  const [fresh, under] = [await make(page, other), finished(await runJob(page, other, 'two'))]
  expect(under.report.framesSha256).toBe(fresh.report.framesSha256)
  expect(under.report.stepMs).toHaveLength(3)
  await page.evaluate(async () => {
    const jobs = await (await navigator.storage.getDirectory()).getDirectoryHandle('jobs', { create: true })
    for (const name of ['kept', 'left']) await jobs.getDirectoryHandle(name, { create: true })
    await window.kinora!.forgetJobs(['left'])
  })
  expect(await storedIn(page, 'jobs')).toEqual(['kept'])
})

test('saves a clip that is stopped early, with the frames of its shorter request', async ({ page, app }) => {
  const request = tinyClip(app, { frames: 65, steps: 1 })
  const result = finished(await runJob(page, request, 'three', { at: { piece: 2, stage: 'denoising' }, act: 'finishEarly' }))
  const frames = readClipFrames(Buffer.from(result.webm, 'base64'), request).length
  expect(frames).toBeGreaterThan(33)
  expect(frames).toBeLessThan(65)
  expect((await make(page, { ...request, frames })).report.framesSha256).toBe(result.report.framesSha256)
})

test('resumes a script’s checkpoint after a reload, and deletes it a day later', async ({ page, app }) => {
  const request = tinyClip(app, { steps: 3 })
  const whole = await make(page, request)
  const stop = { at: { stage: 'denoising', step: 2 }, act: 'cancel' } as const
  await runJob(page, request, 'four', stop)
  // another page that opens, and has swept old checkpoints
  const other = await page.context().newPage()
  await leaveEmptyJob(other, app.url)
  await expect.poll(() => storedIn(other, 'jobs')).toEqual(['four'])
  await page.reload()
  const resumed = await runJob(page, request, 'four')
  expect(stepsOf(resumed)).toEqual([2, 3])
  expect(finished(resumed).report.framesSha256).toBe(whole.report.framesSha256)

  await runJob(page, request, 'five', stop)
  await other.clock.setFixedTime(Date.now() + 25 * 3_600_000)
  await other.reload()
  await expect.poll(() => storedIn(other, 'jobs')).toEqual([])
  await other.close()
})

/** Leaves an empty job folder, which every page removes when it opens, and opens the app. */
async function leaveEmptyJob(page: Page, url: string): Promise<void> {
  await page.goto(`${url}/manifest.webmanifest`)
  await page.evaluate(async () =>
    (await (await navigator.storage.getDirectory()).getDirectoryHandle('jobs', { create: true })).getDirectoryHandle('old', { create: true }),
  )
  await page.goto(url)
}

test('uses GPU memory that does not grow with the length, and saves from the first chunk on', async ({ page, app }) => {
  const make = (frames: number) =>
    page.evaluate(
      async ([request, embeds]) => {
        let savedEarly = -1
        const saved = async () => {
          const clips = await (await navigator.storage.getDirectory()).getDirectoryHandle('clips')
          const sizes: number[] = []
          for await (const entry of clips.values()) sizes.push((await (entry as FileSystemFileHandle).getFile()).size)
          return Math.max(...sizes)
        }
        const done = await window.kinora!.generate(request, { embeds }, ({ piece }) => {
          if (piece === 3 && savedEarly < 0) {
            savedEarly = 0
            void saved().then((bytes) => (savedEarly = bytes))
          }
        })
        if (!done.ok) throw new Error(done.error.message)
        return { gpuBytes: done.report.peakGpuBytes, savedEarly }
      },
      [tinyClip(app, { frames, steps: 1 }), anyEmbeds()] as const,
    )
  // 3 chunks and 7; a minute, and the memory of the browser's processes: tests/full/long-clips.spec.ts
  const [short, long] = [await make(81), await make(177)]
  expect(long.savedEarly).toBeGreaterThan(1000)
  expect(long.gpuBytes / short.gpuBytes).toBeLessThanOrEqual(1.15)
})

test('skips evaluations with the first-block cache, and repeats the same frames', async ({ page, app }) => {
  const { threshold } = CACHE_LEVELS[CACHE_LEVELS.length - 1]!
  const request = tinyClip(app, { steps: 16 })
  const cached = await make(page, { ...request, cacheThreshold: threshold })
  const { evaluations = 0, evaluationsSkipped = 0, framesSha256 } = cached.report
  expect(evaluations).toBe(request.steps)
  expect(evaluationsSkipped).toBeGreaterThan(0)
  expect(evaluationsSkipped).toBeLessThan(evaluations)
  const again = await make(page, { ...request, cacheThreshold: threshold })
  expect(again.report.framesSha256).toBe(framesSha256)
  const whole = await make(page, request)
  expect(whole.report.framesSha256).not.toBe(framesSha256)
  expect(whole.report.evaluationsSkipped).toBeUndefined()
})

test('measures the time of a block on this GPU, and frees its memory', async ({ page, app }) => {
  await page.goto(`${app.url}/#/models`)
  await page.reload()
  const times = page.getByRole('group', { name: 'Generation times of Kinora Starter' })
  await times.getByRole('button').click()
  await expect(times).toContainText(/128 × 128, [\d.]+ s\s*about .+/, { timeout: 120_000 })
  expect(await gpuBuffers(page), 'all buffers are freed').toEqual({ live: 0, weights: 0 })
  await page.goto(`${app.url}/#/create`)
})
