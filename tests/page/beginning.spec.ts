// Clips made from pictures and from other clips, as a person does it: chosen in the form or in the library.
import type { Page } from '@playwright/test'
import { expectAccessible } from '../e2e/accessible'
import { CLIP_MS, expect, openWith, smallClip, test } from '../e2e/app'
import { chooseFile, chooseMode, generateButton, libraryLink, madeFrom, promptField, slot, twoColours, yourClip } from '../e2e/locators'

async function made(page: Page): Promise<void> {
  await expect(yourClip(page)).toBeVisible({ timeout: CLIP_MS })
}

test('a picture is chosen and becomes the first frame; its clip is extended from the library', async ({ page, app }, info) => {
  test.setTimeout(4 * CLIP_MS)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await openWith(page, app.url, smallClip(app.starter))
  await chooseMode(page, 'Picture')
  await chooseFile(page, 'Image', await twoColours(page, 'square.png', '#27c', '#e83'))
  await expect(slot(page, 'Image')).toContainText('square.png')
  await expect(slot(page, 'Image').locator('img')).toBeVisible()
  await madeFrom(page).getByRole('slider', { name: 'Strength' }).press('ArrowLeft')
  await expect(madeFrom(page).locator('output').last()).toHaveText('0.95')
  await expectAccessible(page, 'a picture is chosen')
  await page.screenshot({ path: info.outputPath('picture.png'), fullPage: true })

  await page.reload()
  await expect(slot(page, 'Image'), 'a reload keeps it').toContainText('square.png')
  await generateButton(page).click()
  await made(page)

  await libraryLink(page).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Extend' }).click()
  await expect(slot(page, 'Clip to extend')).toContainText('“a red sky at sunset”')
  await madeFrom(page).getByRole('radio', { name: 'Before the clip' }).press('Space')
  await expect(slot(page, 'Clip to extend')).toContainText('“a red sky at sunset”')
  await madeFrom(page).getByRole('radio', { name: 'After the clip' }).press('Space')
  await page.screenshot({ path: info.outputPath('extend.png'), fullPage: true })
  await generateButton(page).click()
  await made(page)
  await libraryLink(page).click()
  await expect(page.getByRole('dialog')).toContainText('New frames')
  const seconds = await page
    .getByRole('dialog')
    .locator('video')
    .evaluate(async (video: HTMLVideoElement) => {
      if (!(video.duration > 0)) await new Promise((done) => video.addEventListener('loadedmetadata', done))
      return video.duration
    })
  const { frames, fps } = smallClip(app.starter)
  expect(seconds).toBeCloseTo((2 * frames - 1) / fps, 1)
})

test('a file that is no picture is refused in a sentence, and nothing is lost', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter))
  await chooseMode(page, 'Picture')
  await chooseFile(page, 'Image', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') })
  await expect(page.getByRole('alert')).toContainText('notes.txt is not an image that this browser can read')
  await expect(promptField(page)).toHaveValue('a red sky at sunset')
  await chooseMode(page, 'Words')
  await expect(generateButton(page)).toBeEnabled()
})
