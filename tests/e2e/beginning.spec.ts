// Clips made from pictures and from other clips, as a person does it: chosen in the form or in the library.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { CLIP_MS, expect, openWith, smallClip, test } from './app'

/** A PNG of one colour with a square in it. */
function picture(page: Page): Promise<number[]> {
  return page.evaluate(async () => {
    const canvas = new OffscreenCanvas(320, 200)
    const context = canvas.getContext('2d')!
    context.fillStyle = '#27c'
    context.fillRect(0, 0, 320, 200)
    context.fillStyle = '#e83'
    context.fillRect(110, 50, 100, 100)
    return [...new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer())]
  })
}

const beginning = (page: Page) => page.getByRole('group', { name: 'Begins with' })
const generateButton = (page: Page) => page.getByRole('button', { name: 'Generate', exact: true })

async function made(page: Page): Promise<void> {
  await expect(page.getByRole('region', { name: 'Your clip' })).toBeVisible({ timeout: CLIP_MS })
}

test('a picture is chosen and becomes the first frame; its clip is extended from the library', async ({ page, app }, info) => {
  test.setTimeout(4 * CLIP_MS)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await openWith(page, app.url, smallClip(app.starter))
  const file = { name: 'square.png', mimeType: 'image/png', buffer: Buffer.from(await picture(page)) }
  await expect(beginning(page)).toContainText('it becomes the first frame')
  await beginning(page).getByLabel('Picture file').setInputFiles(file)
  await expect(beginning(page)).toContainText('square.png is the first frame.')
  await expect(beginning(page).locator('img')).toBeVisible()
  await beginning(page).getByRole('slider', { name: 'Kept' }).press('ArrowLeft')
  await expect(beginning(page).locator('output')).toHaveText('0.95')
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id }) => id)).toEqual([])
  await page.screenshot({ path: info.outputPath('picture.png'), fullPage: true })

  await page.reload()
  await expect(beginning(page), 'a reload keeps it').toContainText('square.png is the first frame.')
  await generateButton(page).click()
  await made(page)

  await page.getByRole('link', { name: 'In your library' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Extend' }).click()
  await expect(beginning(page)).toContainText('is gone on from')
  await beginning(page).getByRole('button', { name: 'Backwards' }).click()
  await expect(beginning(page)).toContainText('the new part comes before it')
  await beginning(page).getByRole('button', { name: 'Backwards' }).click()
  await page.screenshot({ path: info.outputPath('extend.png'), fullPage: true })
  await generateButton(page).click()
  await made(page)
  await page.getByRole('link', { name: 'In your library' }).click()
  await expect(page.getByRole('dialog')).toContainText('New part')
  const seconds = await page.getByRole('dialog').locator('video').evaluate(async (video: HTMLVideoElement) => {
    if (!(video.duration > 0)) await new Promise((done) => video.addEventListener('loadedmetadata', done))
    return video.duration
  })
  const { frames, fps } = smallClip(app.starter)
  expect(seconds).toBeCloseTo((2 * frames - 1) / fps, 1)
})

test('a file that is no picture is refused in a sentence, and nothing is lost', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter))
  await beginning(page).getByLabel('Picture file').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') })
  await expect(page.getByRole('alert')).toContainText('notes.txt is no picture that this browser reads')
  await expect(page.getByRole('textbox', { name: 'Prompt', exact: true })).toHaveValue('a red sky at sunset')
  await expect(generateButton(page)).toBeEnabled()
})
