// Real flows from a prompt to a saved file, as a user takes them: the form, the real workers, Chromium's software adapter. One page stays
// open, so that model and kernels are loaded once.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { Page } from '@playwright/test'
import { psnr } from '../evaluate/clip-frames'
import { CLIP_MS, expect, generate, storedIn, openWith, reachStep, records, smallClip, test } from './app'
import {
  chooseFile,
  chooseFromLibrary,
  chooseMode,
  generateButton,
  libraryLink,
  modeInputs,
  makeClip,
  meanColor,
  progress,
  promptField,
  batchResults,
  slot,
  storyCard,
  twoColors,
} from './locators'

const SIZE = { width: 64, height: 64 }
const smoke = { tag: '@smoke' }

/** Sets the seed to 7, which starting from a library clip has made random. */
async function fixSeed(page: Page): Promise<void> {
  await page.getByRole('radiogroup', { name: 'Seed' }).getByRole('radio', { name: 'Fixed' }).click()
  const seed = page.getByRole('spinbutton', { name: 'Seed value' })
  await seed.fill('7')
  await seed.press('Tab')
}

test.describe.serial('in one page', () => {
  let page: Page
  let made: Uint8Array[] = []
  const foreign: string[] = []

  test.beforeAll(async ({ browser, app }) => {
    page = await browser.newPage({ serviceWorkers: 'block', reducedMotion: 'reduce', viewport: { width: 1280, height: 800 } })
    page.context().on('request', (request) => {
      const { protocol, hostname, href } = new URL(request.url())
      if (protocol.startsWith('http') && hostname !== 'localhost') foreign.push(href)
    })
    await openWith(page, app.url, smallClip(app.starter, { ...SIZE, steps: 8 }))
  })
  test.afterEach(() => expect(foreign, 'requests that left the machine').toEqual([]))
  test.afterAll(() => page.close())

  test('generates a clip from text, plays it, and downloads it from the library as a WebM', smoke, async ({ app }, info) => {
    const status = progress(page)
    await generateButton(page).click()
    await reachStep(page, 1)
    await expect(page.locator('.strip canvas').first(), 'a preview after a step').toBeAttached({ timeout: CLIP_MS })
    await expect(status).toHaveText('Done.', { timeout: CLIP_MS })
    const video = page.getByLabel('Clip: a red sky at sunset')
    await expect.poll(() => video.evaluate((element: HTMLVideoElement) => [element.videoWidth, element.videoHeight])).toEqual([64, 64])
    await libraryLink(page).click()
    const dialog = page.getByRole('dialog', { name: 'Clip: a red sky at sunset' })
    for (const fact of ['64 × 64', app.starter.name, '7']) await expect(dialog.locator('dd').filter({ hasText: fact }).first()).toBeVisible()
    const waiting = page.waitForEvent('download')
    await dialog.getByRole('button', { name: 'Download' }).click()
    const file = info.outputPath('clip.webm')
    await (await waiting).saveAs(file)
    const probed = JSON.parse(
      execFileSync(process.env.KINORA_FFPROBE ?? 'ffprobe', ['-v', 'error', '-show_format', '-show_streams', '-show_frames', '-of', 'json', file]).toString(),
    ) as {
      streams: { codec_name: string; width: number; height: number }[]
      frames: unknown[]
    }
    expect(probed.streams[0]).toMatchObject({ codec_name: expect.stringMatching(/^(vp9|av1|vp8)$/), width: 64, height: 64 })
    expect(probed.frames).toHaveLength(9)
    expect(readFileSync(file).includes(Buffer.from([0x1c, 0x53, 0xbb, 0x6b])), 'seek cues').toBe(true)
    await page.keyboard.press('Escape')
    await page.getByRole('navigation', { name: 'Main' }).getByRole('link', { name: 'Create' }).click()
  })

  test('image to video: shows the right half of a cropped image as the first frame', smoke, async () => {
    await chooseMode(page, 'Image to video')
    await chooseFile(page, 'Image', await twoColors(page, 'halves.png', '#e83', '#27c', 400))
    const frame = modeInputs(page).getByRole('button', { name: 'Crop area: Image', exact: true })
    for (let presses = 0; presses < 10; presses++) await frame.press('ArrowRight')
    await expect(modeInputs(page).getByRole('status', { name: 'Crop of image' })).toContainText('100 % to the right')
    const [first] = await makeClip(page, SIZE)
    const { red, blue } = meanColor(first!, SIZE)
    expect(red - blue, 'the right half is blue').toBeLessThan(-100)
  })

  test('keyframes: shows two crops of one image as the first and the last frame', async () => {
    await chooseMode(page, 'Keyframes')
    const halves = await twoColors(page, 'halves.png', '#e83', '#27c', 400)
    for (const [label, key] of [
      ['First frame', 'ArrowRight'],
      ['Last frame', 'ArrowLeft'],
    ] as const) {
      await chooseFile(page, label, halves)
      await slot(page, label)
        .getByRole('button', { name: `Crop: ${label}`, exact: true })
        .press('Enter')
      const where = modeInputs(page).getByRole('status', { name: `Crop of ${label.toLowerCase()}`, exact: true })
      await expect(where).toContainText('in the center')
      for (let presses = 0; presses < 10; presses++)
        await modeInputs(page)
          .getByRole('button', { name: `Crop area: ${label}`, exact: true })
          .press(key)
      await expect(where).toContainText(key === 'ArrowRight' ? '100 % to the right' : '100 % to the left')
    }
    const frames = await makeClip(page, SIZE)
    const redness = (frame: Uint8Array) => meanColor(frame, SIZE).red - meanColor(frame, SIZE).blue
    expect(redness(frames[0]!), 'the right half is blue').toBeLessThan(-100)
    expect(redness(frames[8]!) - redness(frames[0]!), 'the left half is not').toBeGreaterThan(100)
  })

  test('extends a library clip, and keeps its frames', smoke, async () => {
    await chooseMode(page, 'Text to video')
    made = await makeClip(page, SIZE)
    await libraryLink(page).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Extend' }).click()
    await expect(slot(page, 'Clip to extend')).toContainText('“a red sky at sunset”')
    const frames = await makeClip(page, SIZE)
    expect(frames).toHaveLength(9 + 8)
    for (const index of [0, 8]) expect(psnr(frames[index]!, made[index]!)).toBeGreaterThan(28)
  })

  test('remixes a library clip', smoke, async () => {
    await chooseMode(page, 'Remix')
    await chooseFromLibrary(page, 'Clip')
    await modeInputs(page).getByRole('radio', { name: 'Subtle' }).press('Space')
    // the newest clip is the extended one, which begins with the clip before
    const frames = await makeClip(page, SIZE)
    expect(frames).toHaveLength(9)
    expect(psnr(frames[0]!, made[0]!)).toBeGreaterThan(15)
    expect(psnr(frames[0]!, made[0]!)).toBeLessThan(60)
  })

  test('storyboard: dissolves between two cards', smoke, async () => {
    await chooseMode(page, 'Storyboard')
    await promptField(page).fill('flat style')
    for (const [number, words] of [
      [1, 'a white bird over the sea'],
      [2, 'a red car in the desert'],
    ] as const) {
      await storyCard(page, number).getByRole('textbox', { name: 'Shot prompt' }).fill(words)
      await storyCard(page, number).getByRole('spinbutton', { name: 'Seconds' }).fill('1')
    }
    await storyCard(page, 2).getByRole('radio', { name: 'Dissolve' }).press('Space')
    const frames = await makeClip(page, SIZE)
    expect(frames).toHaveLength(9 + 9 - 4)
    expect(psnr(frames[0]!, frames.at(-1)!), 'two shots').toBeLessThan(25)
    await chooseMode(page, 'Text to video')
    await promptField(page).fill('a red sky at sunset')
  })

  test('generates two different clips from two seeds', async () => {
    await fixSeed(page)
    await page.getByRole('radiogroup', { name: 'Batch' }).getByRole('radio', { name: '2', exact: true }).click()
    await page.getByRole('button', { name: 'Generate 2' }).click()
    await expect(batchResults(page).getByRole('status')).toHaveText('2 of 2 done', { timeout: CLIP_MS })
    const [second, first] = await records(page)
    expect([first, second].map((record) => record?.request.seed)).toEqual([7, 8])
    expect(first?.report.framesSha256).not.toBe(second?.report.framesSha256)
  })

  test('saves a draft as a PNG, and animates another', smoke, async () => {
    await page.getByRole('radiogroup', { name: 'Batch' }).getByRole('radio', { name: 'Drafts', exact: true }).click()
    await page.getByRole('slider', { name: 'Draft steps' }).press('Home')
    await page.getByRole('button', { name: 'Generate 4' }).click()
    const sheet = batchResults(page)
    await expect(sheet.getByRole('status')).toHaveText('4 of 4 done', { timeout: 2 * CLIP_MS })
    await sheet.getByRole('button', { name: 'View Seed 8' }).click()
    const image = page.getByRole('img', { name: 'Draft: a red sky at sunset' })
    await expect.poll(() => image.evaluate((element: HTMLImageElement) => [element.naturalWidth, element.naturalHeight])).toEqual([64, 64])
    const waiting = page.waitForEvent('download')
    await page.getByRole('button', { name: 'Download' }).click()
    expect(readFileSync(await (await waiting).path()).subarray(0, 8)).toEqual(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
    await page.getByRole('button', { name: 'View batch' }).click()
    await sheet.getByRole('button', { name: 'Animate Seed 9' }).click()
    const frames = await makeClip(page, SIZE)
    expect(frames).toHaveLength(9)
  })

  test('resumes a queue after a reload, with the frames of an uninterrupted job', smoke, async () => {
    await chooseMode(page, 'Text to video')
    await promptField(page).fill('a blue sky')
    const stepsSlider = page.getByRole('slider', { name: 'Steps', exact: true })
    await stepsSlider.press('Home')
    for (let more = 1; more < 12; more++) await stepsSlider.press('ArrowRight')
    const steps = Number(await stepsSlider.inputValue())
    expect(steps).toBe(12)
    await fixSeed(page)
    await makeClip(page, SIZE)
    const [whole] = await records(page)
    expect(whole!.report.stepMs).toHaveLength(steps)
    await generateButton(page).click()
    await reachStep(page, 3)
    await page.reload()
    const offer = page.getByRole('alert').filter({ hasText: '1 unfinished clip from your last session' })
    await expect(offer).toBeVisible()
    expect(await storedIn(page, 'jobs')).toHaveLength(1)
    await offer.getByRole('button', { name: 'Resume' }).click()
    await expect.poll(async () => (await records(page))[0]?.report.stepMs.length, { timeout: CLIP_MS }).not.toBe(steps)
    const [resumed] = await records(page)
    expect(resumed!.report.stepMs.length, 'the first steps are not repeated').toBeLessThan(steps)
    expect(resumed!.request).toEqual(whole!.request)
    expect(resumed!.report.framesSha256).toBe(whole!.report.framesSha256)
    expect(await storedIn(page, 'jobs')).toEqual([])
  })

  test('generates the same clip from a script as from the form', async () => {
    const [made] = await records(page)
    const { webm: _webm, report } = await generate(page, made!.request)
    expect(report.framesSha256).toBe(made!.report.framesSha256)
  })
})
