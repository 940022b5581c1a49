// Generation modes, filled in with the keyboard and run through the real page.
import type { Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import { psnr, readClipFrames } from '../evaluate/clip-frames'
import { expectAccessible } from '../e2e/accessible'
import { follow } from './scripted'
import { CLIP_MS, expect, generate, storedIn, openWith, records, smallClip, test } from '../e2e/app'
import { chooseFile, chooseFromLibrary, chooseMode, generateButton, libraryLink, modeInputs, makeClip, slot, twoColors } from '../e2e/locators'

const SIZE = { width: 128, height: 128 }
const disabledReason = (page: Page) => page.locator('#generate-hint')

/** Generates a clip into the library through the page's scripting interface. @returns the frames of its file */
async function source(page: Page, starter: ModelManifest, changes: Partial<GenerateRequest>): Promise<Uint8Array[]> {
  const { webm } = await generate(page, smallClip(starter, { ...SIZE, steps: 4, ...changes }))
  return readClipFrames(Buffer.from(webm, 'base64'), SIZE)
}

test('keyframes: marks wrong times, and requests the images as conditions', async ({ page, app }) => {
  test.setTimeout(4 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, steps: 4 }))
  const [sunset, night] = [await twoColors(page, 'sunset.png', '#e84', '#e84'), await twoColors(page, 'night.png', '#124', '#124')]
  await chooseMode(page, 'Keyframes')
  await expect(generateButton(page)).toBeDisabled()
  await expect(disabledReason(page)).toHaveText('Choose at least one image.')
  await chooseFile(page, 'First frame', sunset)
  await expect(slot(page, 'First frame')).toContainText('sunset.png')
  await expect(slot(page, 'First frame').locator('img')).toBeVisible()

  await test.step('marks a keyframe with the reason until its time fits', async () => {
    await modeInputs(page).getByRole('button', { name: 'Add a keyframe' }).press('Enter')
    await expect(disabledReason(page)).toHaveText('Keyframe 2 has no image: choose one, or remove the keyframe.')
    await chooseFile(page, 'Keyframe 2', night)
    const time = modeInputs(page).getByRole('spinbutton', { name: 'Time of keyframe 2, in seconds' })
    for (const [typed, reason] of [
      ['5', 'Keyframe 2 is at 5 s, and the last frame is at 1 s.'],
      ['0', 'Keyframe 2 is at the same time as the first frame.'],
      ['', 'Keyframe 2 needs a time in seconds.'],
    ] as const) {
      await time.fill(typed)
      await expect(modeInputs(page).getByText(reason), 'beside the row').toBeVisible()
      await expect(disabledReason(page), 'beside Generate').toHaveText(reason)
      await expect(time).toHaveAttribute('aria-invalid', 'true')
      await expect(generateButton(page)).toBeDisabled()
    }
    await time.fill('0.5')
    await modeInputs(page).getByRole('button', { name: 'Add a keyframe' }).press('Enter')
    await chooseFile(page, 'Keyframe 3', night)
    await modeInputs(page).getByRole('spinbutton', { name: 'Time of keyframe 3' }).fill('0.25')
    await expect(modeInputs(page).getByText('Keyframe 3 comes before keyframe 2: put them in order.')).toBeVisible()
    await modeInputs(page).getByRole('button', { name: 'Remove keyframe 3' }).press('Enter')
    await modeInputs(page).getByRole('button', { name: 'Remove keyframe 2' }).press('Enter')
  })

  await source(page, app.starter, { prompt: 'a red balloon over mountains at sunset' })
  await chooseFromLibrary(page, 'First frame')
  await expect(slot(page, 'First frame')).toContainText('First frame of a red balloon over mountains at sunset')
  await source(page, app.starter, { prompt: 'a starry night over the ocean' })
  await chooseFromLibrary(page, 'Last frame', 'The last frame')
  await expect(slot(page, 'Last frame')).toContainText('Last frame of a starry night over the ocean')
  const frames = await makeClip(page, SIZE)
  expect(frames).toHaveLength(9)
  const [record] = await records(page)
  expect(record?.request.conditions).toEqual([0, 8].map((atFrame) => ({ source: { kind: 'image', id: expect.any(String) }, atFrame, strength: 1 })))

  await test.step('restores the images from the recipe', async () => {
    await chooseMode(page, 'Text to video')
    await libraryLink(page).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Reuse settings' }).click()
    await expect(modeInputs(page).getByRole('radio', { name: 'Keyframes' })).toBeChecked()
    await expect(slot(page, 'First frame')).toContainText('first-frame.png')
    await expect(slot(page, 'Last frame').locator('img')).toBeVisible()
    await expect(generateButton(page)).toBeEnabled()
  })
})

test('extends, interpolates, blends and re-times an uploaded video', async ({ page, app }) => {
  test.setTimeout(10 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  const { webm } = await generate(page, smallClip(app.starter, { ...SIZE, steps: 4, prompt: 'a red balloon rising over the sea in the daytime' }))
  const source = readClipFrames(Buffer.from(webm, 'base64'), SIZE)
  const own = { name: 'holiday.webm', mimeType: 'video/webm', buffer: Buffer.from(webm, 'base64') }
  expect(source).toHaveLength(9)
  const same = (frame: Uint8Array | undefined, index: number) => expect(psnr(frame!, source.at(index)!)).toBeGreaterThan(28)

  await test.step('extends it', async () => {
    await chooseMode(page, 'Extend')
    await expect(disabledReason(page)).toHaveText('Choose the clip to extend.')
    await chooseFile(page, 'Clip to extend', own)
    await expect(slot(page, 'Clip to extend')).toContainText('holiday.webm')
    await expect(slot(page, 'Clip to extend')).toContainText('1.1 s')
    const frames = await makeClip(page, SIZE)
    expect(frames).toHaveLength(9 + 8)
    same(frames[0], 0)
    same(frames[8], 8)
  })

  await test.step('interpolates between two clips', async () => {
    await chooseMode(page, 'Interpolate')
    await chooseFromLibrary(page, 'First clip')
    await expect(disabledReason(page)).toHaveText('Choose the second clip.')
    await chooseFile(page, 'Second clip', own)
    const frames = await makeClip(page, SIZE)
    // the newest clip of the library is the extended one
    expect(frames).toHaveLength(17 + 7 + 9)
    same(frames[0], 0)
    same(frames.at(-9), 0)
    same(frames.at(-1), 8)
  })

  await test.step('blends two clips', async () => {
    await chooseMode(page, 'Blend')
    await chooseFile(page, 'First clip', own)
    await chooseFile(page, 'Second clip', own)
    const frames = await makeClip(page, SIZE)
    // half of each of these short clips is regenerated
    expect(frames).toHaveLength(5 + 7 + 4)
    same(frames[0], 0)
    same(frames.at(-1), 8)
  })

  await test.step('re-times it', async () => {
    await chooseMode(page, 'Re-time')
    await chooseFile(page, 'Clip', own)
    const change = modeInputs(page).getByRole('slider', { name: 'Change' })
    await change.press('Home')
    await expect(change).toHaveValue('0.05')
    await page.getByRole('radio', { name: '2.1 s', exact: true }).press('Space')
    await expect(modeInputs(page)).toContainText('From 1.1 s to 2.1 s, 1.9 times slower.')
    const frames = await makeClip(page, SIZE)
    expect(frames).toHaveLength(17)
    const [record] = await records(page)
    expect(record?.request.initVideo).toEqual({ source: { kind: 'video', id: expect.any(String) }, strength: 0.05, stretch: true })
  })
})

test('loops a library clip, and remixes it at the chosen strength', async ({ page, app }) => {
  test.setTimeout(6 * CLIP_MS)
  const size = { width: 64, height: 64 }
  const request = (prompt: string) => smallClip(app.starter, { ...size, steps: 4, prompt })
  const framesOf = async (prompt: string) => readClipFrames(Buffer.from((await generate(page, request(prompt))).webm, 'base64'), size)
  await openWith(page, app.url, request('a blue balloon over the sea at sunset'))
  await framesOf('a white bird in a green forest at night')
  const source = await framesOf('a red balloon over the sea in the daytime')

  await test.step('loop: keeps the clip, then returns to its start', async () => {
    await chooseMode(page, 'Loop')
    await chooseFromLibrary(page, 'Clip', undefined, 'a red balloon')
    const frames = await makeClip(page, size)
    expect(frames).toHaveLength(9 + 7)
    for (const index of [0, 4, 8]) expect(psnr(frames[index]!, source[index]!), `frame ${index}`).toBeGreaterThan(28)
    const [record] = await records(page)
    expect(record).toMatchObject({ durationSeconds: 2, request: { loop: true, prefix: { source: { kind: 'clip' } } } })
  })

  await test.step('remix: requests the strength of each amount', async () => {
    await chooseMode(page, 'Remix')
    await chooseFromLibrary(page, 'Clip', undefined, 'a red balloon')
    const exactly = modeInputs(page).getByRole('slider', { name: 'Amount' })
    const remix = async (strength: number) => {
      await expect(exactly).toHaveValue(String(strength))
      const frames = await makeClip(page, size)
      expect(frames).toHaveLength(9)
      const [record] = await records(page)
      expect(record?.request.initVideo).toEqual({ source: { kind: 'clip', id: expect.any(String) }, strength })
      expect(record?.durationSeconds).toBe(9 / 8)
    }
    for (const [amount, strength] of [
      ['Subtle', 0.3],
      ['Mild', 0.6],
      ['Strong', 0.85],
    ] as const) {
      await modeInputs(page).getByRole('radio', { name: amount }).press('Space')
      await remix(strength)
    }
    await exactly.press('Home')
    await expect(modeInputs(page).getByRole('radiogroup', { name: 'Change' }).getByRole('radio', { checked: true }), 'a value between the presets').toHaveCount(
      0,
    )
    await remix(0.05)
  })

  await test.step('remix: rejects a clip that is too short, and offers a length that fits', async () => {
    await page.getByRole('radio', { name: '2.1 s', exact: true }).press('Space')
    await expect(modeInputs(page).getByRole('alert')).toContainText('The clip is 1.13 s long, and the length in the settings is 2.13 s.')
    await expect(generateButton(page)).toBeDisabled()
    await modeInputs(page).getByRole('button', { name: 'Use 1.1 s' }).press('Enter')
    await expect(generateButton(page)).toBeEnabled()
  })
})

test('names a deleted clip, and disables Generate', async ({ page, app }) => {
  test.setTimeout(2 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  await source(page, app.starter, { steps: 1 })
  await chooseMode(page, 'Loop')
  await expect(generateButton(page), 'a loop needs no clip').toBeEnabled()
  await chooseFromLibrary(page, 'Clip')
  await page.goto(`${app.url}/#/library`)
  await page.locator('.sheet a').first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete permanently' }).click()
  await expect(page.getByRole('status', { name: 'Library' })).toHaveText('Clip deleted.')
  await page.goto(`${app.url}/#/create`)
  await expect(modeInputs(page).getByRole('alert')).toContainText('“a red sky at sunset” no longer exists: choose another one.')
  await expect(generateButton(page)).toBeDisabled()
  await slot(page, 'Clip').getByRole('button', { name: 'Remove: Clip' }).press('Enter')
  await expect(generateButton(page)).toBeEnabled()
  await expect(slot(page, 'Clip').locator(':focus'), 'the focus stays in the slot').toHaveCount(1)
})

test('rejects a file of the wrong kind, and names it', async ({ page, app }, info) => {
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  const refused = modeInputs(page).getByRole('alert')
  await chooseMode(page, 'Extend')
  await chooseFile(page, 'Clip to extend', await twoColors(page, 'sky.png', '#27c', '#27c'))
  await expect(refused).toContainText('sky.png is an image. Expected a video here.')
  await chooseFile(page, 'Clip to extend', { name: 'empty.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(0) })
  await expect(refused).toContainText('empty.mp4: expected a video that this browser can decode')
  await chooseFile(page, 'Clip to extend', { name: 'notes.mp4', mimeType: 'video/mp4', buffer: Buffer.from('no video at all') })
  await expect(refused).toContainText(/notes\.mp4: expected a video that this browser can decode .*, got video\/mp4\./)
  const old = info.outputPath('old.mkv')
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=8:duration=1', '-c:v', 'mpeg2video', '-y', old])
  await chooseFile(page, 'Clip to extend', { name: 'old.mkv', mimeType: 'video/x-matroska', buffer: readFileSync(old) })
  await expect(refused).toContainText(/old\.mkv: expected a video that this browser can decode .*, got .+\./)
  await expect(generateButton(page)).toBeDisabled()
  await chooseMode(page, 'Image to video')
  await chooseFile(page, 'Image', { name: 'film.webm', mimeType: 'video/webm', buffer: Buffer.from('film') })
  await expect(refused).toContainText('film.webm is a video. Expected an image here.')
})

for (const [theme, width] of [
  ['dark', 1280],
  ['light', 390],
] as const) {
  test(`has no accessibility faults in any mode, ${theme}, ${width} pixels wide`, async ({ page, app }) => {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await openWith(page, app.url, smallClip(app.starter, SIZE))
    const file = await twoColors(page, 'sky.png', '#27c', '#e83')
    for (const mode of ['Text to video', 'Image to video', 'Keyframes', 'Extend', 'Interpolate', 'Blend', 'Loop', 'Remix', 'Re-time', 'Storyboard'] as const) {
      await chooseMode(page, mode)
      if (mode === 'Image to video') {
        await chooseFile(page, 'Image', file)
        await expect(generateButton(page)).toBeEnabled()
      }
      if (mode === 'Keyframes') {
        await modeInputs(page).getByRole('button', { name: 'Add a keyframe' }).press('Enter')
        await chooseFile(page, 'Keyframe 2', file)
        await modeInputs(page).getByRole('spinbutton').fill('7')
        await expect(modeInputs(page).getByText('Keyframe 2 is at 7 s')).toBeVisible()
        await slot(page, 'Keyframe 2').getByRole('button', { name: 'Crop: Keyframe 2', exact: true }).press('Enter')
        await expect(modeInputs(page).getByRole('status', { name: 'Crop of keyframe 2' })).toContainText('in the center')
      }
      if (mode === 'Loop')
        await slot(page, 'Clip')
          .getByRole('button', { name: /library/i })
          .press('Enter')
      if (mode === 'Storyboard') await modeInputs(page).getByRole('spinbutton').first().fill('0.1')
      await expectAccessible(page, mode)
      if (mode === 'Loop') await page.keyboard.press('Escape')
    }
  })
}

test('keeps images that the form or the queue uses, and deletes others after a day', async ({ page, app, context }) => {
  test.setTimeout(2 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, steps: app.starter.steps.max }))
  await follow(page, { stepMs: 1000 })
  const chooseImage = async (name: string, color: string) => chooseFile(page, 'Image', await twoColors(page, name, color, color))
  await chooseMode(page, 'Image to video')
  await chooseImage('queued.png', '#284')
  await expect(slot(page, 'Image')).toContainText('queued.png')
  await generateButton(page).press('Enter')
  await expect(page.getByRole('button', { name: 'Cancel' })).toBeVisible()
  const [queued] = await storedIn(page, 'assets')
  await chooseImage('taken-out.png', '#842')
  await expect(slot(page, 'Image')).toContainText('taken-out.png')
  await chooseImage('in-the-form.png', '#248')
  await expect(slot(page, 'Image')).toContainText('in-the-form.png')
  expect(await storedIn(page, 'assets')).toHaveLength(3)
  // a hidden input still refers to its image
  await chooseMode(page, 'Text to video')
  await page.close()

  const later = await context.newPage()
  await later.clock.setFixedTime(Date.now() + 25 * 3_600_000)
  /** Opens the library once earlier pages have released their locks. */
  const openLibrary = async () => {
    await later.goto(`${app.url}/manifest.webmanifest`)
    await expect.poll(() => later.evaluate(async () => (await navigator.locks.query()).held?.map(({ name }) => name))).toEqual([])
    await later.goto(`${app.url}/#/library`)
  }
  await openLibrary()
  await expect.poll(() => storedIn(later, 'assets')).toHaveLength(2)
  expect(await storedIn(later, 'assets')).toContain(queued)
  await later.goto(`${app.url}/#/create`)
  await later.getByRole('alert').getByRole('button', { name: 'Discard' }).press('Enter')
  await chooseMode(later, 'Image to video')
  await expect(slot(later, 'Image').locator('img')).toBeVisible()
  await slot(later, 'Image').getByRole('button', { name: 'Remove: Image' }).press('Enter')
  await openLibrary()
  await expect.poll(() => storedIn(later, 'assets')).toEqual([])
})
