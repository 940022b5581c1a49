// The labels of the page that several specs use, and user actions on them: a change of wording changes only this file.
import type { Locator, Page } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { readClipFrames } from '../evaluate/clip-frames'
import { CLIP_MS, expect } from './app'

/** A file for the page's file chooser. */
export interface GivenFile {
  name: string
  mimeType: string
  buffer: Buffer
}

export const promptField = (page: Page): Locator => page.getByRole('textbox', { name: 'Prompt', exact: true })
export const progress = (page: Page): Locator => page.getByRole('status', { name: 'Progress' })
export const yourClip = (page: Page): Locator => page.getByRole('region', { name: 'Your clip' })
export const batchResults = (page: Page): Locator => page.getByRole('region', { name: 'Batch results' })
export const queueRegion = (page: Page): Locator => page.getByRole('region', { name: 'Queue' })
export const libraryLink = (page: Page): Locator => page.getByRole('link', { name: 'View in Library' })
export const modeInputs = (page: Page): Locator => page.getByRole('group', { name: 'Mode and inputs' })
export const slot = (page: Page, label: string): Locator => modeInputs(page).getByRole('group', { name: label, exact: true })
export const storyCard = (page: Page, number: number): Locator => modeInputs(page).getByRole('listitem', { name: `Card ${number}`, exact: true })
export const generateButton = (page: Page): Locator => page.getByRole('button', { name: 'Generate', exact: true })

/** Labels of the modes in the form. */
type ModeLabel = 'Text to video' | 'Image to video' | 'Keyframes' | 'Extend' | 'Interpolate' | 'Blend' | 'Loop' | 'Remix' | 'Re-time' | 'Storyboard'

/** Chooses a mode with arrow keys, from any mode. */
export async function chooseMode(page: Page, label: ModeLabel): Promise<void> {
  const modes = modeInputs(page).getByRole('radiogroup', { name: 'Mode' })
  await modes.getByRole('radio', { checked: true }).focus()
  const wanted = modes.getByRole('radio', { name: label, exact: true })
  for (let presses = 0; presses < 12 && !(await wanted.isChecked()); presses++) await page.keyboard.press('ArrowRight')
  await expect(wanted).toBeChecked()
}

/** Chooses a file for a slot, with the keyboard. */
export async function chooseFile(page: Page, label: string, file: GivenFile): Promise<void> {
  const opened = page.waitForEvent('filechooser')
  await slot(page, label)
    .getByRole('button', { name: /^(Choose a file|Replace)/ })
    .press('Enter')
  await (await opened).setFiles(file)
}

/** Chooses a library clip for a slot with the keyboard: the newest, or the newest with `words`. */
export async function chooseFromLibrary(page: Page, label: string, frame?: 'The first frame' | 'The last frame', words = ''): Promise<void> {
  await slot(page, label)
    .getByRole('button', { name: /library/i })
    .press('Enter')
  if (frame) await page.getByRole('dialog').getByRole('radio', { name: frame }).press('Space')
  await page.getByRole('dialog').locator('li button').filter({ hasText: words }).first().press('Enter')
  await expect(page.getByRole('dialog')).toHaveCount(0)
}

/** Presses Generate, waits for the clip, and reads its frames from the downloaded file: RGB u8 [height, width, 3] each. */
export async function makeClip(page: Page, size: { width: number; height: number }): Promise<Uint8Array[]> {
  await expect(generateButton(page)).toBeEnabled()
  await generateButton(page).press('Enter')
  await expect(page.getByRole('button', { name: 'Cancel' })).toBeVisible()
  await expect(generateButton(page)).toBeVisible({ timeout: CLIP_MS })
  await expect(page.getByRole('region', { name: 'Output' }).getByRole('alert')).toHaveCount(0)
  const downloading = page.waitForEvent('download')
  await page.getByRole('region', { name: 'Your clip' }).getByRole('button', { name: 'Download' }).press('Enter')
  return readClipFrames(readFileSync(await (await downloading).path()), size)
}

/** A PNG with a color for each half, `width` pixels wide: the visible color tells how it was cropped. */
export async function twoColors(page: Page, name: string, left: string, right: string, width = 320): Promise<GivenFile> {
  const bytes = await page.evaluate(
    async ([first, second, wide]) => {
      const canvas = new OffscreenCanvas(wide, 200)
      const context = canvas.getContext('2d')!
      context.fillStyle = first
      context.fillRect(0, 0, wide / 2, 200)
      context.fillStyle = second
      context.fillRect(wide / 2, 0, wide / 2, 200)
      return [...new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer())]
    },
    [left, right, width] as const,
  )
  return { name, mimeType: 'image/png', buffer: Buffer.from(bytes) }
}

/** Mean red and blue of a frame, 0 to 255 each. @param area the frame's size, and optionally the first and the number of columns to measure */
export function meanColor(frame: Uint8Array, area: { width: number; height: number; from?: number; columns?: number }): { red: number; blue: number } {
  const { width, height, from = 0, columns = width } = area
  const sum = { red: 0, blue: 0 }
  for (let y = 0; y < height; y++) {
    for (let x = from; x < from + columns; x++) {
      const at = 3 * (y * width + x)
      sum.red += frame[at]!
      sum.blue += frame[at + 2]!
    }
  }
  return { red: sum.red / (columns * height), blue: sum.blue / (columns * height) }
}
