// What of a picture is shown, chosen by keys, pointer and finger.
import { expect, openWith, smallClip, test } from './app'
import { chooseFile, chooseMode, madeFrom, slot, twoColours } from './made-from'

const SIZE = { width: 128, height: 128 }

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

