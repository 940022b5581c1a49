// Recipes: a clip's settings are saved as a file, and restored by dropping that file or the clip on the page.
import type { Page } from '@playwright/test'
import { ALL_FORMATS, BufferSource, BufferTarget, Conversion, Input, Output, WebMOutputFormat } from 'mediabunny'
import { readFileSync } from 'node:fs'
import { parseRecipe, RECIPE_KEYWORD, recipeOf, recipeText } from '../../src/shared/recipe'
import type { GenerateRequest } from '../../src/shared/request'
import { expectAccessible } from '../e2e/accessible'
import { CLIP_MS, expect, generate, openWith, smallClip, test } from '../e2e/app'
import { generateButton, promptField } from '../e2e/locators'

const field = promptField
const restored = (page: Page) => page.getByRole('alert').filter({ hasText: 'Loaded the settings' })

interface Dropped {
  name: string
  type: string
  bytes: Buffer
}

/** Dispatches the events of dropping a file on an element. */
async function drop(page: Page, selector: string, { name, type, bytes }: Dropped): Promise<void> {
  await page.evaluate(
    ([target, file, kind, base64]) => {
      const data = new DataTransfer()
      data.items.add(new File([Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0))], file, { type: kind }))
      const element = document.querySelector(target)!
      for (const event of ['dragover', 'drop']) element.dispatchEvent(new DragEvent(event, { dataTransfer: data, bubbles: true, cancelable: true }))
    },
    [selector, name, type, bytes.toString('base64')] as const,
  )
}

const jsonFile = (data: unknown): Dropped => ({ name: 'clip.recipe.json', type: 'application/json', bytes: Buffer.from(JSON.stringify(data)) })

/** The same frames in a new file without tags, as other programs write it. */
async function rewritten(webm: Buffer): Promise<Buffer> {
  const target = new BufferTarget()
  const output = new Output({ format: new WebMOutputFormat(), target })
  const conversion = await Conversion.init({ input: new Input({ source: new BufferSource(webm), formats: ALL_FORMATS }), output, tags: {} })
  await conversion.execute()
  return Buffer.from(target.buffer!)
}

/** The same PNG with an iTXt chunk after its header. */
function withText(png: Buffer, keyword: string, text: string): Buffer {
  const data = Buffer.concat([Buffer.from('iTXt'), Buffer.from(`${keyword}\0\0\0\0\0`, 'latin1'), Buffer.from(text)])
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length - 4)
  const header = 8 + 12 + 13
  return Buffer.concat([png.subarray(0, header), length, data, Buffer.alloc(4), png.subarray(header)])
}

test('restores every setting from the recipe file of a clip, and from the clip itself', async ({ page, app }) => {
  test.setTimeout(2 * CLIP_MS)
  const request = smallClip(app.starter, { prompt: 'a yellow kite over a meadow', negativePrompt: 'fog', seed: 4242 })
  await openWith(page, app.url, request)
  const { webm } = await generate(page, request)
  await page.goto(`${app.url}/#/library`)
  await page
    .getByRole('link', { name: /a yellow kite/ })
    .or(page.getByRole('button', { name: /a yellow kite/ }))
    .first()
    .click()
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('dialog').getByRole('button', { name: 'Recipe' }).click()])
  expect(download.suggestedFilename()).toBe('kinora-a-yellow-kite-over-a-meadow-4242.recipe.json')
  const text = readFileSync(await download.path(), 'utf8')
  const { recipe, ignored } = parseRecipe(JSON.parse(text))
  expect(ignored).toEqual([])
  expect(recipe.request).toMatchObject(request)
  expect(recipe.model).toEqual({ id: app.starter.id, name: app.starter.name, version: app.starter.version })

  const clip = Buffer.from(webm, 'base64')
  for (const file of [jsonFile(JSON.parse(text)), { name: 'clip.webm', type: 'video/webm', bytes: clip }]) {
    await page.evaluate(() => localStorage.clear())
    await page.goto('about:blank')
    await page.goto(`${app.url}/#/settings`)
    await drop(page, 'main', file)
    await expect(restored(page)).toContainText('a yellow kite over a meadow')
    await expect(restored(page).getByRole('listitem')).toHaveCount(0)
    await expect(field(page)).toHaveValue('a yellow kite over a meadow')
    await expect(page.getByRole('textbox', { name: 'Negative prompt' })).toHaveValue('fog')
    await expect(page.getByRole('spinbutton', { name: 'Seed value' })).toHaveValue('4242')
    await expect(page.getByRole('slider', { name: 'Steps' })).toHaveValue(String(request.steps))
    await expect(page.getByText(`${request.frames} frames`)).toBeVisible()
  }
  await expectAccessible(page, 'restored')
  await restored(page).getByRole('button', { name: 'OK' }).click()
  await expect(restored(page)).toHaveCount(0)

  await drop(page, 'main', { name: 'other.webm', type: 'video/webm', bytes: await rewritten(clip) })
  await expect(page.getByRole('alert')).toContainText('other.webm has no recipe')
})

test('restores a recipe from a still, and reports an image without a recipe', async ({ page, app }) => {
  test.setTimeout(2 * CLIP_MS)
  const request = smallClip(app.starter, { prompt: 'snowy hills', seed: 99 })
  await openWith(page, app.url, smallClip(app.starter))
  const { webm } = await generate(page, { ...request, prompt: 'a green meadow', frames: 1 })
  await page.getByLabel('Recipe file').setInputFiles({ name: 'made.png', mimeType: 'image/png', buffer: Buffer.from(webm, 'base64') })
  await expect(restored(page)).toContainText('a green meadow')
  await expect(restored(page).getByRole('listitem')).toHaveCount(0)
  await expect(field(page)).toHaveValue('a green meadow')
  const plain = Buffer.from(
    await page.evaluate(async () => {
      const canvas = new OffscreenCanvas(16, 16)
      canvas.getContext('2d')!.fillRect(0, 0, 9, 9)
      return [...new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer())]
    }),
  )
  const still = withText(plain, RECIPE_KEYWORD, recipeText(recipeOf(request, { id: 'starter', name: 'Kinora Starter', version: 1 })))
  await page.getByLabel('Recipe file').setInputFiles({ name: 'still.png', mimeType: 'image/png', buffer: still })
  await expect(restored(page)).toContainText('uses version 1 of')
  await expect(field(page)).toHaveValue('snowy hills')

  await drop(page, 'main', { name: 'holiday.png', type: 'image/png', bytes: plain })
  await expect(page.getByRole('alert')).toContainText('holiday.png has no recipe')
  await expect(field(page), 'the form is unchanged').toHaveValue('snowy hills')
})

test('restores a recipe dropped on the image slot, and takes a dropped image as the first frame', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter))
  const imageSlot = '[aria-label="Begins with"], [aria-label="Mode and inputs"]'
  const request = smallClip(app.starter, { prompt: 'a green meadow' })
  await expect(field(page)).toHaveValue('a red sky at sunset')
  await drop(page, imageSlot, jsonFile(recipeOf(request, { id: 'starter', name: 'Kinora Starter' })))
  await expect(restored(page)).toContainText('a green meadow')
  await expect(page.locator('.over')).toHaveCount(0)

  const dot = Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==', 'base64')
  await drop(page, imageSlot, { name: 'dot.png', type: 'image/png', bytes: dot })
  await expect(page.locator(imageSlot).first()).toContainText('dot.png')
  await expect(page.getByText('has no recipe')).toHaveCount(0)
})

test('lists missing inputs and unknown fields of a recipe', async ({ page, app }) => {
  const request: GenerateRequest = {
    ...smallClip(app.starter, { prompt: 'a blue planet' }),
    model: 'ltxv-2b-0.9.5',
    prefix: { source: { kind: 'clip', id: 'deadbeef-gone' } },
    conditions: [{ source: { kind: 'image', id: 'cafe0123'.repeat(8) }, atFrame: 4, strength: 1 }],
  }
  await openWith(page, app.url, smallClip(app.starter))
  await expect(generateButton(page)).toBeEnabled()
  await drop(page, 'main', jsonFile({ ...recipeOf(request, { id: request.model, name: 'LTX-Video 2B 0.9.5' }), version: 9, mood: 'calm' }))
  await expect(restored(page)).toContainText('LTX-Video 2B 0.9.5 is not installed')
  await expect(restored(page)).toContainText('An input clip is no longer in Library (deadbeef)')
  await expect(restored(page)).toContainText('An input image is not on this device (cafe0123)')
  await expect(restored(page)).toContainText('version 9 is newer than 2, which is understood; mood')
  await expect(field(page)).toHaveValue('a blue planet')
})

test.describe('an invalid recipe file', () => {
  for (const [name, file, words] of [
    ['plain text', { name: 'a.json', type: 'application/json', bytes: Buffer.from('not json') }, 'a.json is not a recipe. Expected JSON'],
    ['JSON of another kind', { name: 'b.json', type: 'application/json', bytes: Buffer.from('{"shots": []}') }, 'not a Kinora recipe: format'],
    [
      'a recipe without a prompt',
      jsonFile({ format: 'kinora-recipe', version: 1, model: { id: 'starter', name: 'x' }, request: { model: 'starter' } }),
      'request.prompt',
    ],
    ['an empty file', { name: 'c.webm', type: 'video/webm', bytes: Buffer.alloc(0) }, 'c.webm has no recipe'],
    [
      'random bytes',
      { name: 'd.webm', type: 'video/webm', bytes: Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7919) % 251)) },
      'd.webm has no recipe',
    ],
  ] as const) {
    test(`rejects ${name}`, async ({ page, app }) => {
      await openWith(page, app.url, smallClip(app.starter))
      await expect(field(page)).toHaveValue('a red sky at sunset')
      await drop(page, 'main', file)
      await expect(page.getByRole('alert')).toContainText('Could not load a recipe from this file.')
      await expect(page.getByRole('alert')).toContainText(words)
      await expect(field(page)).toHaveValue('a red sky at sunset')
    })
  }
})
