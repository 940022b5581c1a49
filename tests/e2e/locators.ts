// The labels of the page that several specs use, and what a person does with them: a change of wording changes this file.
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
export const sideBySide = (page: Page): Locator => page.getByRole('region', { name: 'Batch results' })
export const queueRegion = (page: Page): Locator => page.getByRole('region', { name: 'Queue' })
export const libraryLink = (page: Page): Locator => page.getByRole('link', { name: 'View in Library' })
export const madeFrom = (page: Page): Locator => page.getByRole('group', { name: 'Mode and inputs' })
export const slot = (page: Page, label: string): Locator => madeFrom(page).getByRole('group', { name: label, exact: true })
export const storyCard = (page: Page, number: number): Locator => madeFrom(page).getByRole('listitem', { name: `Card ${number}`, exact: true })
export const generateButton = (page: Page): Locator => page.getByRole('button', { name: 'Generate', exact: true })

/** Labels of modes in the form, by the names that specs use. */
const MODES: Record<string, string> = {
  Words: 'Text to video',
  Picture: 'Image to video',
  Keyframes: 'Keyframes',
  Extend: 'Extend',
  Fill: 'Interpolate',
  Blend: 'Blend',
  Loop: 'Loop',
  Remix: 'Remix',
  'Re-time': 'Re-time',
  Storyboard: 'Storyboard',
}

/** Chooses a mode with arrow keys, from wherever the choice stands. */
export async function chooseMode(page: Page, mode: string): Promise<void> {
  const label = MODES[mode] ?? mode
  const modes = madeFrom(page).getByRole('radiogroup', { name: 'Mode' })
  await modes.getByRole('radio', { checked: true }).focus()
  const wanted = modes.getByRole('radio', { name: label, exact: true })
  for (let presses = 0; presses < 12 && !(await wanted.isChecked()); presses++) await page.keyboard.press('ArrowRight')
  await expect(wanted).toBeChecked()
}

/** Opens a slot's file chooser from the keyboard, and gives it a file. */
export async function chooseFile(page: Page, label: string, file: GivenFile): Promise<void> {
  const opened = page.waitForEvent('filechooser')
  await slot(page, label)
    .getByRole('button', { name: /^(Choose a file|Replace)/ })
    .press('Enter')
  await (await opened).setFiles(file)
}

/** Takes a clip of the library for a slot, from the keyboard: the newest, or the newest with these words. */
export async function chooseFromLibrary(page: Page, label: string, frame?: 'The first frame' | 'The last frame', words = ''): Promise<void> {
  await slot(page, label)
    .getByRole('button', { name: /library/i })
    .press('Enter')
  if (frame) await page.getByRole('dialog').getByRole('radio', { name: frame }).press('Space')
  await page.getByRole('dialog').locator('li button').filter({ hasText: words }).first().press('Enter')
  await expect(page.getByRole('dialog')).toHaveCount(0)
}

/** Presses Generate, waits for the clip, and reads its frames from the file that is downloaded: RGB u8 [height, width, 3] each. */
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

/** A PNG of two colours, `width` pixels wide: which half is which tells how it was cropped. */
export async function twoColours(page: Page, name: string, left: string, right: string, width = 320): Promise<GivenFile> {
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

/** What red and blue come to in a frame, 0 … 255 each. @param area the frame's size, and `columns` of it `from` one on where only they are meant */
export function meanColour(frame: Uint8Array, area: { width: number; height: number; from?: number; columns?: number }): { red: number; blue: number } {
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
