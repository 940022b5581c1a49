// A minute of video takes no more memory than ten seconds, and is written to the disk as it grows.
import type { Page } from '@playwright/test'
import { watchHostMemory } from '../../scripts/host-memory'
import { CLIP_MS, expect, smallClip, test, type App } from '../e2e/app'

interface Run {
  gpuBytes: number
  hostBytes: number
  frames: number
  /** bytes of the clip's file at the start of its third chunk */
  savedEarly: number
}

/** Generates a clip of this many seconds in a page of its own: one step per chunk. */
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
      // the clip stays in the page, because its size is not measured
      return { gpuBytes: done.report.peakGpuBytes, savedEarly }
    },
    smallClip(app.starter, { width: 64, height: 64, frames, steps: 1 }),
  )
  memory.stop()
  return { ...result, frames, hostBytes: memory.peakBytes() }
}

test('uses at most 1.15 times the memory of ten seconds for a minute of video', async ({ page, app }) => {
  test.setTimeout(6 * CLIP_MS)
  const short = await make(page, app, 10)
  const other = await page.context().newPage()
  await page.close()
  const long = await make(other, app, 60)
  test.info().annotations.push({ type: 'memory', description: JSON.stringify({ short, long }) })
  expect(long.frames).toBeGreaterThan(5 * short.frames)
  expect(long.savedEarly, 'frames are saved from the first chunk on').toBeGreaterThan(1000)
  expect(long.gpuBytes / short.gpuBytes, 'GPU').toBeLessThanOrEqual(1.15)
  expect(long.hostBytes / short.hostBytes, `host: ${short.hostBytes} and ${long.hostBytes} bytes`).toBeLessThanOrEqual(1.15)
})
