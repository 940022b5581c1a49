// Every way into a clip, filled in by keyboard and made through the real page.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { ModelManifest } from '../../src/shared/model'
import type { GenerateRequest } from '../../src/shared/request'
import { median, psnr, readClipFrames, stepsOf } from '../evaluate/clip-frames'
import { CLIP_MS, expect, generate, openWith, smallClip, test } from './app'
import { chooseFile, chooseFromLibrary, chooseMode, generateButton, madeFrom, makeClip, slot, twoColours } from './made-from'

const SIZE = { width: 128, height: 128 }
const whyOff = (page: Page) => page.locator('#why-off')

/** A clip in the library, made by the page's door for scripts: its file's frames. */
async function source(page: Page, starter: ModelManifest, changes: Partial<GenerateRequest>): Promise<Uint8Array[]> {
  const { webm } = await generate(page, smallClip(starter, { ...SIZE, steps: 4, ...changes }))
  return readClipFrames(Buffer.from(webm, 'base64'), SIZE)
}

test('keyframes: marked while their times are wrong, and in the clip when it is made', async ({ page, app }) => {
  test.setTimeout(4 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, steps: 4 }))
  const [sunset, night] = [await twoColours(page, 'sunset.png', '#e84', '#e84'), await twoColours(page, 'night.png', '#124', '#124')]
  await chooseMode(page, 'Keyframes')
  await expect(generateButton(page)).toBeDisabled()
  await expect(whyOff(page)).toHaveText('Choose at least one picture.')
  await chooseFile(page, 'First frame', sunset)
  await expect(slot(page, 'First frame')).toContainText('sunset.png')
  await expect(slot(page, 'First frame').locator('img')).toBeVisible()

  await test.step('a row between is marked with the reason until its time fits', async () => {
    await madeFrom(page).getByRole('button', { name: 'A picture between' }).press('Enter')
    await expect(whyOff(page)).toHaveText('Picture 2 is missing: choose it, or remove its row.')
    await chooseFile(page, 'Picture 2', night)
    const time = madeFrom(page).getByRole('spinbutton', { name: 'Time of picture 2, in seconds' })
    for (const [typed, reason] of [['5', 'Picture 2 stands at 5 s, and the last frame is at 1 s.'], ['0', 'Picture 2 is at the same time as the first one.'], ['', 'Picture 2 needs a time in seconds.']] as const) {
      await time.fill(typed)
      await expect(madeFrom(page).getByText(reason), 'beside the row').toBeVisible()
      await expect(whyOff(page), 'beside Generate').toHaveText(reason)
      await expect(time).toHaveAttribute('aria-invalid', 'true')
      await expect(generateButton(page)).toBeDisabled()
    }
    await time.fill('0.5')
    await madeFrom(page).getByRole('button', { name: 'A picture between' }).press('Enter')
    await chooseFile(page, 'Picture 3', night)
    await madeFrom(page).getByRole('spinbutton', { name: 'Time of picture 3' }).fill('0.25')
    await expect(madeFrom(page).getByText('Picture 3 comes before picture 2: put them in order.')).toBeVisible()
    await madeFrom(page).getByRole('button', { name: 'Remove the row of picture 3' }).press('Enter')
    await madeFrom(page).getByRole('button', { name: 'Remove the row of picture 2' }).press('Enter')
  })

  const dusk = await source(page, app.starter, { prompt: 'a red balloon over mountains at sunset' })
  await chooseFromLibrary(page, 'First frame')
  await expect(slot(page, 'First frame')).toContainText('First frame of a red balloon over mountains at sunset')
  const dark = await source(page, app.starter, { prompt: 'a starry night over the ocean' })
  await chooseFromLibrary(page, 'Last frame', 'The last frame')
  await expect(slot(page, 'Last frame')).toContainText('Last frame of a starry night over the ocean')
  const frames = await makeClip(page, SIZE)
  expect(frames).toHaveLength(9)
  expect(psnr(frames[0]!, dusk[0]!), 'it begins with the first').toBeGreaterThan(25)
  const towards = (frame: Uint8Array) => psnr(frame, dark[8]!) - psnr(frame, dusk[0]!)
  expect(towards(frames[8]!), 'it ends with the last').toBeGreaterThan(0)

  await test.step('its recipe brings the pictures back', async () => {
    await chooseMode(page, 'Words')
    await page.getByRole('link', { name: 'In your library' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Reuse these settings' }).click()
    await expect(madeFrom(page).getByRole('radio', { name: 'Keyframes' })).toBeChecked()
    await expect(slot(page, 'First frame')).toContainText('first-frame.png')
    await expect(slot(page, 'Last frame').locator('img')).toBeVisible()
    await expect(generateButton(page)).toBeEnabled()
  })
})

test('clips: the own video goes on, a gap is filled, two are blended, one is made longer', async ({ page, app }) => {
  test.setTimeout(10 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  const { webm } = await generate(page, smallClip(app.starter, { ...SIZE, steps: 4, prompt: 'a red balloon rising over the sea in the daytime' }))
  const source = readClipFrames(Buffer.from(webm, 'base64'), SIZE)
  const own = { name: 'holiday.webm', mimeType: 'video/webm', buffer: Buffer.from(webm, 'base64') }
  expect(source).toHaveLength(9)
  const same = (frame: Uint8Array | undefined, index: number) => expect(psnr(frame!, source.at(index)!)).toBeGreaterThan(28)

  await test.step('extend', async () => {
    await chooseMode(page, 'Extend')
    await expect(whyOff(page)).toHaveText('Choose the clip that goes on.')
    await chooseFile(page, 'Clip that goes on', own)
    await expect(slot(page, 'Clip that goes on')).toContainText('holiday.webm')
    await expect(slot(page, 'Clip that goes on')).toContainText('1.1 s')
    const frames = await makeClip(page, SIZE)
    expect(frames).toHaveLength(9 + 8)
    same(frames[0], 0)
    same(frames[8], 8)
    expect(median(stepsOf(frames.slice(8))), 'it moves on').toBeGreaterThan(0.1)
  })

  await test.step('fill', async () => {
    await chooseMode(page, 'Fill')
    await chooseFromLibrary(page, 'First clip')
    await expect(whyOff(page)).toHaveText('Choose the second clip.')
    await chooseFile(page, 'Second clip', own)
    const frames = await makeClip(page, SIZE)
    // the newest of the library is the clip that was extended
    expect(frames).toHaveLength(17 + 7 + 9)
    same(frames[0], 0)
    same(frames.at(-9), 0)
    same(frames.at(-1), 8)
  })

  await test.step('blend', async () => {
    await chooseMode(page, 'Blend')
    await chooseFile(page, 'First clip', own)
    await chooseFile(page, 'Second clip', own)
    const frames = await makeClip(page, SIZE)
    // half of each of these short clips is made anew
    expect(frames).toHaveLength(5 + 7 + 4)
    same(frames[0], 0)
    same(frames.at(-1), 8)
  })

  await test.step('re-time', async () => {
    await chooseMode(page, 'Re-time')
    await chooseFile(page, 'Clip', own)
    const change = madeFrom(page).getByRole('slider', { name: 'Change' })
    await change.press('Home')
    await expect(change).toHaveValue('0.05')
    await page.getByRole('radio', { name: '2.1 s', exact: true }).press('Space')
    await expect(madeFrom(page)).toContainText('From 1.1 s to 2.1 s, 1.9 times slower.')
    const frames = await makeClip(page, SIZE)
    expect(frames).toHaveLength(17)
    const nearest = (frame: Uint8Array) => source.map((candidate) => psnr(frame, candidate)).reduce((best, value, index, all) => (value > all[best]! ? index : best), 0)
    const places = [0, 4, 8, 12, 16].map((index) => nearest(frames[index]!))
    // neighbours are alike, and little was drawn anew: it goes from the source's beginning to its end, at half the speed
    expect(places, places.join()).toEqual(places.toSorted((a, b) => a - b))
    expect(places[0]!, places.join()).toBeLessThanOrEqual(2)
    expect(places[2]!, places.join()).toBeLessThanOrEqual(5)
    expect(places[4]!, places.join()).toBeGreaterThanOrEqual(6)
  })
})

test('a clip that was deleted is named, and Generate is off', async ({ page, app }) => {
  test.setTimeout(2 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  await source(page, app.starter, { steps: 1 })
  await chooseMode(page, 'Loop')
  await expect(generateButton(page), 'without a clip a new one goes round').toBeEnabled()
  await chooseFromLibrary(page, 'Clip')
  await page.goto(`${app.url}/#/library`)
  await page.locator('.sheet a').first().click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('button', { name: 'Delete for good' }).click()
  await expect(page.getByRole('status', { name: 'Library' })).toHaveText('The clip was deleted.')
  await page.goto(`${app.url}/#/create`)
  await expect(madeFrom(page).getByRole('alert')).toContainText('“a red sky at sunset” is not here any more: choose another.')
  await expect(generateButton(page)).toBeDisabled()
  await slot(page, 'Clip').getByRole('button', { name: 'Remove: Clip' }).press('Enter')
  await expect(generateButton(page)).toBeEnabled()
  await expect(slot(page, 'Clip').locator(':focus'), 'the focus stays in the slot').toHaveCount(1)
})

test('storyboard: cards are written, moved and made, and go into a file and out of it', async ({ page, app }, info) => {
  test.setTimeout(4 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, prompt: 'flat style' }))
  await chooseMode(page, 'Storyboard')
  const card = (number: number) => madeFrom(page).getByRole('listitem', { name: `Card ${number}`, exact: true })
  const words = (number: number) => card(number).getByRole('textbox', { name: 'What happens' })
  await words(1).fill('a white bird over the sea')
  await words(2).fill('a red car in the desert')
  for (const number of [1, 2]) await card(number).getByRole('spinbutton', { name: 'Seconds' }).fill('1')
  await card(2).getByRole('radio', { name: 'Dissolve' }).press('Space')

  await words(2).press('Alt+ArrowUp')
  await expect(words(1)).toHaveValue('a red car in the desert')
  await expect(words(1), 'the focus goes with the card').toBeFocused()
  await card(1).getByRole('button', { name: 'Duplicate card 1' }).press('Enter')
  await expect(card(3)).toBeVisible()
  await card(2).getByRole('button', { name: 'Move card 2 down' }).press('Enter')
  await expect(words(2)).toHaveValue('a white bird over the sea')
  await expect(card(3).getByRole('button', { name: 'Move card 3 up' }), 'the end was reached').toBeFocused()
  await card(3).getByRole('button', { name: 'Remove card 3' }).press('Enter')
  await expect(card(3)).toHaveCount(0)
  await card(2).getByRole('radio', { name: 'Dissolve' }).press('Space')
  await expect(madeFrom(page)).toContainText('2.3 s in all, of at most 60 s')

  await card(2).getByRole('spinbutton', { name: 'Seconds' }).fill('0.2')
  await expect(card(2).getByText('Card 2 is shorter than 1 s, the least that this model makes.')).toBeVisible()
  await expect(generateButton(page)).toBeDisabled()
  await card(2).getByRole('spinbutton', { name: 'Seconds' }).fill('1')

  const saving = page.waitForEvent('download')
  await madeFrom(page).getByRole('button', { name: 'Save as a file' }).press('Enter')
  const saved = readFileSync(await (await saving).path(), 'utf8')
  expect(JSON.parse(saved)).toEqual({
    version: 1, prompt: 'flat style', sameSeed: false,
    shots: [{ prompt: 'a red car in the desert', seconds: 1, join: 'dissolve' }, { prompt: 'a white bird over the sea', seconds: 1, join: 'dissolve' }],
  })

  const frames = await makeClip(page, SIZE)
  expect(frames).toHaveLength(9 + 9 - 4)
  expect(psnr(frames[0]!, frames.at(-1)!), 'two shots').toBeLessThan(25)
  await page.getByRole('link', { name: 'In your library' }).click()
  await expect(page.getByRole('dialog')).toContainText('Shots')
  await page.keyboard.press('Escape')
  await page.goto(`${app.url}/#/create`)

  const load = async (...files: { name: string; mimeType: string; buffer: Buffer }[]) => {
    const opened = page.waitForEvent('filechooser')
    await madeFrom(page).getByRole('button', { name: 'Load from a file…' }).press('Enter')
    await (await opened).setFiles(files)
  }
  const json = (data: unknown) => ({ name: 'board.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(data)) })
  await load(json({ version: 9, prompt: 'pastel style', mood: 'calm', shots: [{ prompt: 'a kite', seconds: 3, join: 'wipe', image: 'sky.png' }] }), await twoColours(page, 'sky.png', '#27c', '#48d'))
  await expect(page.getByRole('textbox', { name: 'Prompt', exact: true })).toHaveValue('pastel style')
  await expect(words(1)).toHaveValue('a kite')
  await expect(slot(page, 'Picture of card 1')).toContainText('sky.png')
  await expect(madeFrom(page).getByRole('alert')).toContainText('mood')
  await expect(madeFrom(page).getByRole('alert')).toContainText('join "wipe" of card 1')
  await page.screenshot({ path: info.outputPath('storyboard.png'), fullPage: true })
  await load(json({ shots: [] }))
  await expect(madeFrom(page).getByRole('alert')).toContainText('The storyboard does not fit: shots')
  await expect(words(1), 'what was there stays').toHaveValue('a kite')
})

test('a picture is cropped by keys, by dragging and by zooming, and follows the shape', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  const file = await twoColours(page, 'halves.png', '#e83', '#27c', 400)
  await test.step('a paste where words alone are asked for opens the picture', async () => {
    await page.evaluate((bytes) => {
      const data = new DataTransfer()
      data.items.add(new File([new Uint8Array(bytes)], 'halves.png', { type: 'image/png' }))
      document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
    }, [...file.buffer])
    await expect(madeFrom(page).getByRole('radio', { name: 'Picture' })).toBeChecked()
    await expect(slot(page, 'Picture')).toContainText('halves.png')
  })
  const frame = madeFrom(page).getByRole('button', { name: 'What of the picture is shown' })
  const where = page.locator('#crop-where')
  await expect(where).toHaveText('in the middle, in the middle, 1.00 times enlarged')
  const ratio = async () => {
    const box = (await frame.boundingBox())!
    return box.width / box.height
  }
  expect(await ratio()).toBeCloseTo(1, 1)
  await frame.press('ArrowRight')
  await expect(where).toContainText('10 % to the right')
  const box = (await frame.boundingBox())!
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width / 2 + 2 * box.width, box.y + box.height / 2, { steps: 4 })
  await page.mouse.up()
  await expect(where).toContainText('100 % to the left')
  await madeFrom(page).getByRole('slider', { name: 'Zoom' }).press('End')
  await expect(where).toContainText('4.00 times enlarged')
  await page.getByRole('radio', { name: '16:9' }).check({ force: true })
  expect(await ratio(), 'the shape of the clip').toBeCloseTo(176 / 96, 1)
  await madeFrom(page).getByRole('button', { name: 'Back to the middle' }).click()
  await expect(where).toContainText('in the middle')
  await expect(madeFrom(page).getByRole('slider', { name: 'Zoom' })).toHaveValue('1')
})

test('a file of the wrong kind is refused in a sentence that names it', async ({ page, app }, info) => {
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  const refused = madeFrom(page).getByRole('alert')
  await chooseMode(page, 'Extend')
  await chooseFile(page, 'Clip that goes on', await twoColours(page, 'sky.png', '#27c', '#27c'))
  await expect(refused).toContainText('sky.png is a picture: expected a video here.')
  await chooseFile(page, 'Clip that goes on', { name: 'empty.mp4', mimeType: 'video/mp4', buffer: Buffer.alloc(0) })
  await expect(refused).toContainText('empty.mp4 is empty: expected a video')
  await chooseFile(page, 'Clip that goes on', { name: 'notes.mp4', mimeType: 'video/mp4', buffer: Buffer.from('no video at all') })
  await expect(refused).toContainText('notes.mp4 (video/mp4) is no video that can be read')
  const old = info.outputPath('old.mkv')
  execFileSync('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=8:duration=1', '-c:v', 'mpeg2video', '-y', old])
  await chooseFile(page, 'Clip that goes on', { name: 'old.mkv', mimeType: 'video/x-matroska', buffer: readFileSync(old) })
  await expect(refused).toContainText(/old\.mkv is coded in .*, which this browser cannot decode/)
  await expect(generateButton(page)).toBeDisabled()
  await chooseMode(page, 'Picture')
  await chooseFile(page, 'Picture', { name: 'film.webm', mimeType: 'video/webm', buffer: Buffer.from('film') })
  await expect(refused).toContainText('film.webm is a video: expected a picture here.')
})

for (const [theme, width] of [['dark', 1280], ['light', 390]] as const) {
  test(`every mode is free of accessibility faults, ${theme}, ${width} pixels wide`, async ({ page, app }) => {
    await page.setViewportSize({ width, height: 800 })
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await openWith(page, app.url, smallClip(app.starter, SIZE))
    const file = await twoColours(page, 'sky.png', '#27c', '#e83')
    for (const mode of ['Words', 'Picture', 'Keyframes', 'Extend', 'Fill', 'Blend', 'Loop', 'Remix', 'Re-time', 'Storyboard']) {
      await chooseMode(page, mode)
      if (mode === 'Picture') await chooseFile(page, 'Picture', file)
      if (mode === 'Keyframes') {
        await madeFrom(page).getByRole('button', { name: 'A picture between' }).press('Enter')
        await chooseFile(page, 'Picture 2', file)
        await madeFrom(page).getByRole('spinbutton').fill('7')
        await expect(madeFrom(page).getByText('Picture 2 stands at 7 s')).toBeVisible()
      }
      if (mode === 'Loop') await slot(page, 'Clip').getByRole('button', { name: /library/i }).press('Enter')
      if (mode === 'Storyboard') await madeFrom(page).getByRole('spinbutton').first().fill('0.1')
      // not while a colour changes: axe reads the two of a button one after the other
      await page.waitForTimeout(250)
      const { violations } = await new AxeBuilder({ page }).analyze()
      expect(violations.map(({ id, nodes }) => `${mode}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
      expect(await page.evaluate(() => document.documentElement.scrollWidth), `${mode}: the page scrolls sideways`).toBeLessThanOrEqual(width)
      if (mode === 'Loop') await page.keyboard.press('Escape')
    }
  })
}
