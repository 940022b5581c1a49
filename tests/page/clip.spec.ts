// The life of a clip in the page: generated, played, saved, found again, downloaded, reused, deleted.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Locator } from '@playwright/test'
import { CLIP_MS, expect, openWith, smallClip, test } from '../e2e/app'
import { follow } from './scripted'
import { generateButton, progress, promptField } from '../e2e/locators'

test('generates, plays, saves, downloads, reuses and deletes a clip', async ({ page, app }, info) => {
  const elsewhere: string[] = []
  page.context().on('request', (sent) => {
    const { origin, protocol } = new URL(sent.url())
    if (protocol.startsWith('http') && origin !== app.url) elsewhere.push(sent.url())
  })
  const request = smallClip(app.starter, { steps: Math.max(3, app.starter.steps.min) })
  await openWith(page, app.url, request)
  await follow(page, { stepMs: 400 })

  await test.step('generates it with progress and previews', async () => {
    const status = progress(page)
    await generateButton(page).click()
    await expect(page.getByRole('button', { name: 'Cancel' })).toBeVisible()
    await expect(status).toHaveText(new RegExp(`step \\d of ${request.steps}`), { timeout: CLIP_MS })
    // a preview after each step: the strip shows one image per step
    await expect(page.locator('.strip canvas').first()).toBeAttached({ timeout: CLIP_MS })
    await expect(status).toHaveText('Done.', { timeout: CLIP_MS })
    await expect(page.locator('.screen'), 'the clip is in view').toBeInViewport({ ratio: 0.5 })
  })

  await test.step('plays and loops it', async () => plays(page.getByLabel(`Clip: ${request.prompt}`), request.width, request.height))

  await test.step('has it in the library after a reload', async () => {
    await page.reload()
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Library' }).click()
    await page.getByRole('link', { name: request.prompt }).click()
    const details = page.getByRole('dialog', { name: `Clip: ${request.prompt}` })
    await plays(details.getByLabel(`Clip: ${request.prompt}`), request.width, request.height)
    for (const fact of [String(request.seed), `${request.width} × ${request.height}`, app.starter.name, `${request.steps}`]) {
      await expect(details.locator('dd').filter({ hasText: fact }).first()).toBeVisible()
    }
  })

  await test.step('downloads it as a WebM with seek cues', async () => {
    const waiting = page.waitForEvent('download')
    await page.getByRole('dialog').getByRole('button', { name: 'Download' }).click()
    const download = await waiting
    expect(download.suggestedFilename()).toMatch(/\.webm$/)
    const file = info.outputPath('clip.webm')
    await download.saveAs(file)
    const { format, streams, frames } = ffprobe(file)
    expect(format.format_name).toContain('webm')
    expect(streams[0]).toMatchObject({ codec_type: 'video', width: request.width, height: request.height })
    expect(streams[0]?.codec_name).toMatch(/^(vp9|av1|vp8)$/)
    expect(Number(format.duration)).toBeCloseTo(request.frames / request.fps, 1)
    expect(frames.length).toBe(request.frames)
    expect(hasCues(file), 'seek cues').toBe(true)
  })

  await test.step('reuses its settings', async () => {
    await page.evaluate(() => localStorage.removeItem('kinora.draft'))
    await page.getByRole('dialog').getByRole('button', { name: 'Reuse settings' }).click()
    await expect(promptField(page)).toHaveValue(request.prompt)
    await expect(page.getByLabel('Seed value')).toHaveValue(String(request.seed))
    await expect(page.getByRole('slider', { name: 'Steps' })).toHaveValue(String(request.steps))
  })

  await test.step('deletes it with its file', async () => {
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Library' }).click()
    await page.getByRole('link', { name: request.prompt }).click()
    await page.getByRole('button', { name: 'Delete', exact: true }).click()
    await page.getByRole('button', { name: 'Delete permanently' }).click()
    await expect(page.getByText('No clips yet.')).toBeVisible()
    expect(await page.evaluate(filesInStorage), 'files left behind').toEqual([])
    await page.reload()
    await expect(page.getByText('No clips yet.')).toBeVisible()
  })

  expect(elsewhere, 'requests that left the origin').toEqual([])
})

/** Expects decoded frames of this size, and that playback advances and starts again. */
async function plays(video: Locator, width: number, height: number): Promise<void> {
  // browsers pause muted videos that are out of view
  await video.scrollIntoViewIfNeeded()
  await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.readyState)).toBeGreaterThanOrEqual(2)
  const facts = await video.evaluate((element: HTMLVideoElement) => ({ width: element.videoWidth, height: element.videoHeight, loop: element.loop }))
  expect(facts).toEqual({ width, height, loop: true })
  await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime)).toBeGreaterThan(0.2)
  await video.evaluate((element: HTMLVideoElement) => {
    element.currentTime = element.duration - 0.05
  })
  await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.currentTime < element.duration / 2)).toBe(true)
}

interface Probe {
  format: { format_name: string; duration: string }
  streams: { codec_type: string; codec_name: string; width: number; height: number }[]
  frames: { pts_time: string }[]
}

function ffprobe(file: string): Probe {
  const program = process.env.KINORA_FFPROBE ?? 'ffprobe'
  return JSON.parse(execFileSync(program, ['-v', 'error', '-show_format', '-show_streams', '-show_frames', '-of', 'json', file]).toString()) as Probe
}

/** EBML id of Matroska's Cues element. */
const CUES_ID = Buffer.from([0x1c, 0x53, 0xbb, 0x6b])

/** Whether the file has seek cues and ffprobe can seek by them. */
function hasCues(file: string): boolean {
  const program = process.env.KINORA_FFPROBE ?? 'ffprobe'
  const seek = execFileSync(program, ['-v', 'error', '-read_intervals', '0.5%+#1', '-show_entries', 'packet=pos', '-of', 'csv=p=0', file]).toString()
  return seek.trim() !== '' && readFileSync(file).includes(CUES_ID)
}

/** Every file in this origin's private file system, as paths. */
async function filesInStorage(): Promise<string[]> {
  const list = async (folder: FileSystemDirectoryHandle, path: string): Promise<string[]> => {
    const found: string[] = []
    for await (const [name, handle] of folder.entries()) {
      if (handle.kind === 'directory') found.push(...(await list(handle as FileSystemDirectoryHandle, `${path}${name}/`)))
      else found.push(path + name)
    }
    return found
  }
  return list(await navigator.storage.getDirectory(), '')
}
