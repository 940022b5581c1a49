// User data survives a new version: a profile of an older build is opened with this one, at the same address, and nothing in it is
// lost. make-profile.ts makes such profiles. Checked are the user's files, texts and numbers, not the texts of the page.
import { expect, test as base } from '@playwright/test'
import { rmSync } from 'node:fs'
import { chromium, type Page } from 'playwright'
import { formatBytes } from '../../src/components/quantities'
import { downloadedModelUrl } from '../../src/shared/model-address'
import type { JobProgress } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import { dist } from '../../scripts/build.mjs'
import { serveBuild } from '../../scripts/serve.mjs'
import { CLIP_MS } from './app'
import { chromiumFlags, findChromium } from './browser'
import type { ModelHub } from './model-hub'
import { profileHub, PROFILE_PORT, readJobs, readQueues, readStorage, unpackProfile, type ProfileContents } from './profile'

/** A page of this build on the profile of an older one. */
interface OldProfile {
  page: Page
  contents: ProfileContents
  hub: ModelHub
}

/** Opened once; after a failed test it is opened again. */
const test = base.extend<object, { old: OldProfile; profileName: string }>({
  profileName: ['profile-0.1.0', { option: true, scope: 'worker' }],
  old: [
    async ({ profileName }, use) => {
      const { folder, contents } = unpackProfile(profileName)
      const hub = profileHub()
      const server = await serveBuild(PROFILE_PORT, [hub.plugin(dist)])
      const context = await chromium.launchPersistentContext(folder, {
        executablePath: findChromium(),
        args: chromiumFlags('swiftshader'),
        headless: true,
        serviceWorkers: 'block',
        viewport: { width: 1280, height: 800 },
        colorScheme: 'dark',
        reducedMotion: 'reduce',
      })
      try {
        expect(server.url, `another program listens at port ${PROFILE_PORT}`).toBe(contents.origin)
        const page = context.pages()[0] ?? (await context.newPage())
        await page.goto(`${server.url}/#/create`)
        await page.waitForFunction(() => window.kinora !== undefined)
        await use({ page, contents, hub })
      } finally {
        await context.close()
        await server.close()
        rmSync(folder, { recursive: true, force: true })
      }
    },
    { scope: 'worker' },
  ],
})

/** Values of the text and number fields of the view. */
const fieldValues = (page: Page) =>
  page.evaluate(() =>
    [...document.querySelectorAll<HTMLInputElement | HTMLTextAreaElement>('input:not([type=radio], [type=checkbox], [type=file]), textarea')].map(
      ({ value }) => value,
    ),
  )

/** The stored values of all keys that begin with `prefix`, as JSON. */
async function stored(page: Page, prefix: string): Promise<string> {
  const { local } = await readStorage(page)
  return JSON.stringify(Object.entries(local).flatMap(([key, value]) => (key.startsWith(prefix) ? [value] : [])))
}

/** Runs a request through the page's scripting interface. @returns its report, and its progress events */
function run(page: Page, request: GenerateRequest, options: { modelUrl?: string; checkpoint?: string }) {
  return page.evaluate(
    async ([what, how]) => {
      const events: JobProgress[] = []
      const result = await window.kinora!.generate(what, how, (event) => void events.push(event))
      if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
      return { report: result.report, events }
    },
    [request, options] as const,
  )
}

test('restores the texts and settings of the form', async ({ old: { page, contents } }) => {
  const { draft, picture } = contents
  await page.goto(`${contents.origin}/#/create`)
  await expect.poll(() => fieldValues(page)).toContain(draft.prompt)
  const values = await fieldValues(page)
  expect(values).toEqual(expect.arrayContaining([draft.negativePrompt, draft.steps, draft.guidance, draft.seed].map(String)))
  expect(values, 'the strength of the image').toContain(String(draft.conditions?.[0]?.strength))
  await expect(page.getByText(picture.name).first()).toBeVisible()
  const storedText = await stored(page, 'kinora.draft')
  const { width, height, frames, fps, cacheThreshold } = draft
  expect(JSON.parse(storedText)).toEqual([expect.objectContaining({ width, height, frames, fps, cacheThreshold, seedMode: 'fixed' })])
  expect(storedText, 'the crop of the image').toContain(JSON.stringify(draft.conditions?.[0]?.crop))
})

test('keeps every file unchanged', async ({ old: { page, contents } }) => {
  await page.goto(`${contents.origin}/#/library`)
  await expect(page.getByText(contents.library[0]?.request.prompt ?? '').first()).toBeVisible()
  // a job that ran when the page was closed continued after the list was written, and its unfinished file is not a clip of the library
  const running = contents.queue.flatMap(({ id, status }) => (status === 'running' ? [`jobs/${id}/`] : []))
  const clips = contents.library.map(({ file }) => `clips/${file}`)
  const settled = contents.files.filter(({ path }) => (path.startsWith('clips/') ? clips.includes(path) : !running.some((folder) => path.startsWith(folder))))
  expect(new Set(settled.map(({ path }) => path.split('/')[0]))).toEqual(new Set(['assets', 'clips', 'downloads', 'jobs', 'weights']))
  const { files } = await readStorage(page)
  expect(files).toEqual(expect.arrayContaining(settled))
})

test('shows and plays every clip of the library', async ({ old: { page, contents } }) => {
  await page.goto(`${contents.origin}/#/library`)
  for (const { id, request } of contents.library) {
    await expect(page.getByText(request.prompt).first()).toBeVisible()
    await page.goto(`${contents.origin}/#/library/${id}`)
    const shown = page.getByRole('dialog').locator('video, img').first()
    await expect.poll(() => shown.evaluate((element: HTMLVideoElement | HTMLImageElement) => element.currentSrc)).toMatch(/^blob:/)
    const made = await shown.evaluate(async (element: HTMLVideoElement | HTMLImageElement) => {
      if (element instanceof HTMLImageElement) {
        await element.decode()
        return { width: element.naturalWidth, height: element.naturalHeight, seconds: 0 }
      }
      element.loop = false
      element.muted = true
      await new Promise((ended, failed) => {
        element.onended = ended
        element.onerror = () => failed(new Error(element.error?.message))
        element.play().catch(failed)
      })
      return { width: element.videoWidth, height: element.videoHeight, seconds: element.duration }
    })
    const { width, height, frames, fps } = request
    expect(made).toEqual({ width, height, seconds: expect.closeTo(frames === 1 ? 0 : frames / fps, 1) })
    await page.goto(`${contents.origin}/#/library`)
    await expect(page.getByRole('dialog')).toHaveCount(0)
  }
})

test('fills in the form from the recipe of a clip', async ({ old: { page, contents } }) => {
  const [{ file, request } = { file: '', request: contents.draft }] = contents.library
  const base64 = await page.evaluate(async (name) => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('clips')
    const bytes = new Uint8Array(await (await (await folder.getFileHandle(name)).getFile()).arrayBuffer())
    return btoa(String.fromCharCode(...bytes))
  }, file)
  await page.goto(`${contents.origin}/#/create`)
  await page.locator('input[type=file][accept*=json]').setInputFiles({ name: 'clip.webm', mimeType: 'video/webm', buffer: Buffer.from(base64, 'base64') })
  await expect.poll(() => fieldValues(page)).toContain(request.prompt)
  expect(await fieldValues(page)).toEqual(expect.arrayContaining([String(request.seed), String(request.steps)]))
  expect(await stored(page, 'kinora.draft'), 'its first image').toContain(contents.picture.id)
})

test('keeps the theme, the mirror and the prompt history', async ({ old: { page, contents } }) => {
  expect(await page.evaluate(() => document.documentElement.dataset['theme'])).toBe(contents.theme)
  await page.goto(`${contents.origin}/#/settings`)
  await expect.poll(() => fieldValues(page)).toContain(contents.mirror)
  await page.goto(`${contents.origin}/#/create`)
  await page
    .getByRole('button', { name: /earlier|history/i })
    .first()
    .click()
  for (const prompt of contents.history) await expect(page.getByRole('button', { name: prompt, exact: true }).first()).toBeVisible()
  await page.keyboard.press('Escape')
})

test('keeps the downloaded model with its caches, and generates a clip without a request', async ({ old: { page, contents, hub } }) => {
  test.setTimeout(2 * CLIP_MS)
  const { id, name, encoder } = contents.model
  const states = await page.evaluate(() => window.kinora!.downloads())
  expect(states.filter(({ status }) => status === 'complete').map(({ source }) => source)).toEqual(expect.arrayContaining(contents.downloads))
  const bytesIn = (folder: string) => contents.files.filter(({ path }) => path.startsWith(folder) && !path.endsWith('.journal')).map(({ bytes }) => bytes)
  const [file = 0] = bytesIn(`downloads/${id}/`)
  const caches = bytesIn('weights/')
  expect(caches).toHaveLength(2)
  await page.goto(`${contents.origin}/#/models`)
  // of the two caches the transformer's is the larger
  await expect(page.getByRole('article', { name })).toContainText(formatBytes(file + Math.max(...caches)))

  hub.reset()
  const before = (await readStorage(page)).files.filter(({ path }) => path.startsWith('weights/'))
  const request = contents.library.find((clip) => clip.request.model === id)?.request as GenerateRequest
  const { report, events } = await run(page, request, { modelUrl: downloadedModelUrl(id, encoder) })
  expect(report.stepMs).toHaveLength(request.steps)
  expect(
    events.filter(({ stage, step }) => stage === 'encoding-text' && step !== undefined),
    'the encoder is not quantized again',
  ).toEqual([])
  expect((await readStorage(page)).files.filter(({ path }) => path.startsWith('weights/'))).toEqual(before)
  expect(hub.requested).toEqual([])
})

test('keeps the jobs of the queue, and resumes a paused one from its step', async ({ old: { page, contents } }) => {
  test.setTimeout(2 * CLIP_MS)
  await page.goto(`${contents.origin}/#/create`)
  for (const { request } of contents.queue) await expect(page.getByRole('group', { name: request.prompt, exact: true })).toBeVisible()
  const ids = async () => (await readQueues(page)).flatMap(({ jobs }) => (jobs as { id: string }[]).map(({ id }) => id))
  await expect.poll(ids, 'they are as durable as the clips now').toEqual(expect.arrayContaining(contents.queue.map(({ id }) => id)))
  await expect.poll(() => stored(page, 'kinora.queue'), 'and at one place').toBe('[]')
  const [stopped] = contents.queue.filter(({ status }) => status === 'paused')
  const { id, request, step } = stopped as ProfileContents['queue'][number]
  expect(step).toBeGreaterThan(1)
  expect(await readJobs(page)).toMatchObject({ [id]: step })
  const { report, events } = await run(page, request, { checkpoint: id })
  const steps = events.flatMap((event) => (event.stage === 'denoising' && event.step ? [event.step] : []))
  expect(Math.min(...steps), 'no step is repeated').toBeGreaterThanOrEqual(step)
  expect(report.stepMs).toHaveLength(request.steps - step)
})
