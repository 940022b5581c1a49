// Clips from an image and from another clip, chosen in the form and in the library.
import type { Page } from '@playwright/test'
import { expectAccessible } from '../e2e/accessible'
import { CLIP_MS, expect, openWith, smallClip, test } from '../e2e/app'
import { chooseFile, chooseMode, generateButton, libraryLink, modeInputs, promptField, slot, twoColors, yourClip } from '../e2e/locators'

async function clipShown(page: Page): Promise<void> {
  await expect(yourClip(page)).toBeVisible({ timeout: CLIP_MS })
}

test('keeps a chosen image after a reload, and extends its clip from the library', async ({ page, app }, info) => {
  test.setTimeout(4 * CLIP_MS)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await openWith(page, app.url, smallClip(app.starter))
  await chooseMode(page, 'Image to video')
  await chooseFile(page, 'Image', await twoColors(page, 'square.png', '#27c', '#e83'))
  await expect(slot(page, 'Image')).toContainText('square.png')
  await expect(slot(page, 'Image').locator('img')).toBeVisible()
  await modeInputs(page).getByRole('slider', { name: 'Strength' }).press('ArrowLeft')
  await expect(modeInputs(page).locator('output').last()).toHaveText('0.95')
  await expectAccessible(page, 'an image is chosen')
  await page.screenshot({ path: info.outputPath('image.png'), fullPage: true })

  await page.reload()
  await expect(slot(page, 'Image'), 'kept after a reload').toContainText('square.png')
  await generateButton(page).click()
  await clipShown(page)

  await libraryLink(page).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Extend' }).click()
  await expect(slot(page, 'Clip to extend')).toContainText('“a red sky at sunset”')
  await modeInputs(page).getByRole('radio', { name: 'Before the clip' }).press('Space')
  await expect(slot(page, 'Clip to extend')).toContainText('“a red sky at sunset”')
  await modeInputs(page).getByRole('radio', { name: 'After the clip' }).press('Space')
  await page.screenshot({ path: info.outputPath('extend.png'), fullPage: true })
  await generateButton(page).click()
  await clipShown(page)
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

test('rejects a file that is not an image, and keeps the form', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter))
  await chooseMode(page, 'Image to video')
  await chooseFile(page, 'Image', { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('no picture') })
  await expect(page.getByRole('alert')).toContainText('notes.txt is not an image that this browser can read')
  await expect(promptField(page)).toHaveValue('a red sky at sunset')
  await chooseMode(page, 'Text to video')
  await expect(generateButton(page)).toBeEnabled()
})
