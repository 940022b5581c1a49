// Cropping an image with keys, pointer and touch.
import type { Locator, Page } from '@playwright/test'
import { CLIP_MS, expect, openWith, records, smallClip, test } from '../e2e/app'
import { chooseFile, chooseMode, libraryLink, modeInputs, makeClip, slot, storyCard, twoColors } from '../e2e/locators'

const SIZE = { width: 64, height: 64 }

/** The crop area of an image, and the status that describes its position. */
function cropper(page: Page, label: string): { frame: Locator; where: Locator } {
  return {
    frame: modeInputs(page).getByRole('button', { name: `Crop area: ${label}`, exact: true }),
    where: modeInputs(page).getByRole('status', { name: `Crop of ${label.toLowerCase()}`, exact: true }),
  }
}

/** Opens an image's cropper and moves the crop to one side, with the keyboard. */
async function cropTo(page: Page, label: string, side: 'left' | 'right'): Promise<void> {
  await slot(page, label)
    .getByRole('button', { name: `Crop: ${label}`, exact: true })
    .press('Enter')
  const { frame, where } = cropper(page, label)
  await expect(where).toContainText('in the center')
  for (let presses = 0; presses < 10; presses++) await frame.press(side === 'left' ? 'ArrowLeft' : 'ArrowRight')
  await expect(where).toContainText(`100 % to the ${side}`)
}

test('crops an image with keys, drag and zoom, at the aspect ratio of the clip', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  const file = await twoColors(page, 'halves.png', '#e83', '#27c', 400)
  await test.step('selects image to video when an image is pasted', async () => {
    await page.evaluate(
      (bytes) => {
        const data = new DataTransfer()
        data.items.add(new File([new Uint8Array(bytes)], 'halves.png', { type: 'image/png' }))
        document.body.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }))
      },
      [...file.buffer],
    )
    await expect(modeInputs(page).getByRole('radio', { name: 'Image to video' })).toBeChecked()
    await expect(slot(page, 'Image')).toContainText('halves.png')
  })
  const { frame, where } = cropper(page, 'Image')
  await expect(where).toHaveText('in the center, in the center, 1.00 times enlarged')
  const ratio = async () => {
    const box = (await frame.boundingBox())!
    return box.width / box.height
  }
  expect(await ratio()).toBeCloseTo(1, 1)
  await frame.press('ArrowRight')
  await expect(where).toContainText('10 % to the right')
  await frame.press('+')
  await frame.press('+')
  await expect(where).toContainText('1.20 times enlarged')
  await frame.press('-')
  await expect(where).toContainText('1.10 times enlarged')
  const box = (await frame.boundingBox())!
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2)
  await page.mouse.down()
  await page.mouse.move(box.x + box.width / 2 + 2 * box.width, box.y + box.height / 2, { steps: 4 })
  await page.mouse.up()
  await expect(where).toContainText('100 % to the left')
  await modeInputs(page).getByRole('slider', { name: 'Zoom' }).press('End')
  await expect(where).toContainText('4.00 times enlarged')
  await page.getByRole('radio', { name: '16:9' }).check({ force: true })
  expect(await ratio(), 'the aspect ratio of the clip').toBeCloseTo(176 / 96, 1)
  await modeInputs(page).getByRole('button', { name: 'Center' }).click()
  await expect(where).toContainText('in the center')
  await expect(modeInputs(page).getByRole('slider', { name: 'Zoom' })).toHaveValue('1')
})

test('zooms an image with two fingers, and moves it with one', async ({ page, app }) => {
  await page.setViewportSize({ width: 390, height: 800 })
  await openWith(page, app.url, smallClip(app.starter, SIZE))
  await chooseMode(page, 'Image to video')
  await chooseFile(page, 'Image', await twoColors(page, 'halves.png', '#e83', '#27c', 400))
  const { frame, where } = cropper(page, 'Image')
  await expect(where).toContainText('1.00 times enlarged')
  await frame.scrollIntoViewIfNeeded()
  const scrolled = await page.evaluate(() => window.scrollY)
  const box = (await frame.boundingBox())!
  const at = (x: number, id: number) => ({ x: box.x + x * box.width, y: box.y + box.height / 2, id })
  const session = await page.context().newCDPSession(page)
  const touch = (type: 'touchStart' | 'touchMove' | 'touchEnd', ...touchPoints: ReturnType<typeof at>[]) =>
    session.send('Input.dispatchTouchEvent', { type, touchPoints })
  await touch('touchStart', at(0.4, 1), at(0.6, 2))
  for (const apart of [0.15, 0.2]) await touch('touchMove', at(0.5 - apart, 1), at(0.5 + apart, 2))
  await touch('touchEnd')
  await expect(where, 'twice the distance, centered between the fingers').toHaveText('in the center, in the center, 2.00 times enlarged')
  await touch('touchStart', at(0.5, 1))
  await touch('touchMove', at(0.7, 1))
  await touch('touchEnd')
  await expect(where).toContainText('to the left')
  expect(await page.evaluate(() => window.scrollY), 'a finger moves the image, not the page').toBe(scrolled)
})

test('requests a separate crop for each keyframe and storyboard card', async ({ page, app }) => {
  test.setTimeout(3 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, prompt: 'flat style' }))
  const halves = await twoColors(page, 'halves.png', '#e83', '#27c', 400)

  await test.step('requests the crops of two keyframes', async () => {
    await chooseMode(page, 'Keyframes')
    await chooseFile(page, 'First frame', halves)
    await cropTo(page, 'First frame', 'right')
    await chooseFile(page, 'Last frame', halves)
    await cropTo(page, 'Last frame', 'left')
    await makeClip(page, SIZE)
    const [record] = await records(page)
    expect(record?.request.conditions?.map(({ atFrame, crop }) => [atFrame, crop])).toEqual([
      [0, { x: 1, y: 0.5, zoom: 1 }],
      [8, { x: 0, y: 0.5, zoom: 1 }],
    ])
  })

  await test.step('resets the crop for another image', async () => {
    await expect(slot(page, 'First frame').getByRole('button', { name: 'Cropped: First frame' })).toHaveAttribute('aria-expanded', 'true')
    await chooseFile(page, 'First frame', await twoColors(page, 'other.png', '#284', '#824', 400))
    await expect(slot(page, 'First frame').getByRole('button', { name: 'Crop: First frame', exact: true })).toBeVisible()
  })

  await test.step('requests the crop of a card', async () => {
    await chooseMode(page, 'Storyboard')
    await storyCard(page, 2).getByRole('button', { name: 'Remove card 2' }).press('Enter')
    await storyCard(page, 1).getByRole('spinbutton', { name: 'Seconds' }).fill('1')
    await chooseFile(page, 'Image or clip of card 1', halves)
    await cropTo(page, 'Image or clip of card 1', 'left')
    await makeClip(page, SIZE)
    const [record] = await records(page)
    expect(record?.request.shots?.[0]?.conditions?.map(({ crop }) => crop)).toEqual([{ x: 0, y: 0.5, zoom: 1 }])
  })

  await test.step('restores the crop from the recipe', async () => {
    await chooseMode(page, 'Text to video')
    await libraryLink(page).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Reuse settings' }).click()
    await slot(page, 'Image or clip of card 1').getByRole('button', { name: 'Cropped: Image or clip of card 1' }).press('Enter')
    await expect(cropper(page, 'Image or clip of card 1').where).toContainText('100 % to the left')
  })
})
