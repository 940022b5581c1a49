// A minute of video takes no more memory than ten seconds, and is on the disk as it grows.
import type { Page } from '@playwright/test'
import { watchHostMemory } from '../../scripts/host-memory'
import { CLIP_MS, expect, smallClip, test, type App } from '../e2e/app'

interface Run {
  gpuBytes: number
  hostBytes: number
  frames: number
  /** bytes of the clip's file when its third window was begun */
  savedEarly: number
}

/** Makes a clip of so many seconds in a page of its own: one step a window. */
async function make(page: Page, app: App, seconds: number): Promise<Run> {
  const fps = app.starter.fps.default
  const { scaleTime } = app.starter.latent
  const frames = scaleTime * Math.round((seconds * fps) / scaleTime) + 1 - scaleTime
  const memory = await watchHostMemory(page, { live: true })
  await page.goto(app.url)
  const result = await page.evaluate(
    async (request) => {
      let savedEarly = -1
      const saved = async () => {
        const clips = await (await navigator.storage.getDirectory()).getDirectoryHandle('clips')
        const sizes: number[] = []
        for await (const entry of clips.values()) sizes.push((await (entry as FileSystemFileHandle).getFile()).size)
        return Math.max(...sizes)
      }
      const done = await window.kinora!.generate(request, {}, ({ piece }) => {
        if (piece === 3 && savedEarly < 0) {
          savedEarly = 0
          void saved().then((bytes) => (savedEarly = bytes))
        }
      })
      if (!done.ok) throw new Error(done.error.message)
      // the clip itself stays in the page: it is not what is measured
      return { gpuBytes: done.report.peakGpuBytes, savedEarly }
    },
    smallClip(app.starter, { width: 64, height: 64, frames, steps: 1 }),
  )
  memory.stop()
  return { ...result, frames, hostBytes: memory.peakBytes() }
}

test('memory is flat in the length: a minute at most 1.15 times ten seconds', async ({ page, app }) => {
  test.setTimeout(6 * CLIP_MS)
  const short = await make(page, app, 10)
  const other = await page.context().newPage()
  await page.close()
  const long = await make(other, app, 60)
  test.info().annotations.push({ type: 'memory', description: JSON.stringify({ short, long }) })
  expect(long.frames).toBeGreaterThan(5 * short.frames)
  expect(long.savedEarly, 'what is made is saved from the first window on').toBeGreaterThan(1000)
  expect(long.gpuBytes / short.gpuBytes, 'GPU').toBeLessThanOrEqual(1.15)
  expect(long.hostBytes / short.hostBytes, `host: ${short.hostBytes} and ${long.hostBytes} bytes`).toBeLessThanOrEqual(1.15)
})
