// A short prompt is written out by a small language model: downloaded in Models, used in Create with LTX-Video, from this disk alone.
// The model is a tiny one that knows a few answers by heart.
import type { Page } from '@playwright/test'
import { PROMPT_ENHANCER } from '../../src/shared/model-catalogue'
import { expectAccessible } from '../e2e/accessible'
import { CLIP_MS, expect } from '../e2e/app'
import { ModelHub } from '../e2e/model-hub'
import { follow } from './scripted'
import { card, download, openModels, withTinyHub, type TinyHub } from '../e2e/tiny-hub'
import { tinyLtx, tinyT5, tinyTokenizer } from '../e2e/tiny-ltx'
import { enhancerCases, enhancerOnHub } from '../e2e/prompt-enhancer-fixture'
import { generateButton, promptField } from '../e2e/locators'

const MODEL = 'LTX-Video 2B 0.9.8 distilled'
const WRITER_CARD = 'Prompt enhancer'

const files = () => ({
  'ltxv-2b-0.9.8-distilled.safetensors': tinyLtx(),
  't5xxl_fp8_e4m3fn.safetensors': tinyT5(),
  'tokenizer.json': tinyTokenizer,
  ...enhancerOnHub,
})
const test = withTinyHub(files)

const field = promptField
const help = (page: Page, name: string) => page.getByRole('group', { name: 'Prompt tools' }).getByRole('button', { name, exact: true })
const panel = (page: Page) => page.getByRole('group', { name: 'Enhanced prompt' })
const paragraph = (page: Page) => page.getByRole('textbox', { name: 'Enhanced prompt' })
const inPanel = (page: Page, name: string) => panel(page).getByRole('button', { name, exact: true })
const openView = (page: Page, name: string) => page.getByRole('navigation').getByRole('link', { name }).click()
const writerWorkers = (page: Page) => page.workers().filter((worker) => worker.url().includes('prompt-enhancer.worker')).length
const answerTo = (words: string): string => enhancerCases.find((one) => one.words === words)?.text ?? ''

/** Downloads LTX-Video, makes it the model of Create, and the prompt writer where it is wanted; ends in Create. */
async function openCreate(page: Page, site: TinyHub, { withWriter }: { withWriter: boolean }): Promise<void> {
  await openModels(page, site)
  await download(page, MODEL)
  await card(page, MODEL).getByRole('button', { name: 'Use this model' }).click()
  if (withWriter) await download(page, WRITER_CARD)
  await openView(page, 'Create')
  await expect(help(page, 'Enhance prompt')).toBeVisible()
}

async function writeOut(page: Page, words: string): Promise<void> {
  await field(page).fill(words)
  await help(page, 'Enhance prompt').click()
}

/** Changes a byte in the middle of a stored file. */
const damage = (page: Page, path: string) =>
  page.evaluate(
    async ([source, name]) => {
      const downloads = await (await navigator.storage.getDirectory()).getDirectoryHandle('downloads')
      const handle = await (await downloads.getDirectoryHandle(source)).getFileHandle(encodeURIComponent(name))
      const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer())
      bytes[bytes.length >> 1]! ^= 1
      const out = await handle.createWritable()
      await out.write(bytes)
      await out.close()
    },
    [PROMPT_ENHANCER.id, path] as const,
  )

const filesHere = (page: Page) =>
  page.evaluate(async (source) => {
    const downloads = await (await navigator.storage.getDirectory()).getDirectoryHandle('downloads')
    const names: string[] = []
    for await (const name of downloads.keys()) names.push(name)
    return names.includes(source)
  }, PROMPT_ENHANCER.id)

test('is offered, downloaded, writes a prompt out that is looked at, taken, and undone; and is deleted', async ({ page, site }) => {
  await openCreate(page, site, { withWriter: false })
  await writeOut(page, 'a white sailboat')
  await expect(page.getByRole('textbox', { name: 'Expanded prompt' }), 'without it, a few sentences').toHaveValue(/^a white sailboat\. .+/)
  await expect(panel(page)).toContainText('Get better prompts with the prompt enhancer.')
  await expect(panel(page)).toContainText('one-time download of 419 MB')
  await panel(page).getByRole('link', { name: 'Download in Models' }).click()
  await expect(page.locator(':focus')).toHaveText('Download 419 MB')

  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('Apache 2.0')
  await expect(dialog).toContainText(`downloaded from ${new URL(site.url).host}`)
  await dialog.getByRole('button', { name: 'Accept and download' }).click()
  await expect(page.getByRole('status', { name: `Status of ${WRITER_CARD}` })).toContainText('Ready. All files were verified.')
  await expect(card(page, WRITER_CARD)).toContainText('On disk')
  const asked = site.hub.asked.length

  await openView(page, 'Create')
  await expect(field(page)).toHaveValue('a white sailboat')
  await help(page, 'Enhance prompt').focus()
  await page.keyboard.press('Enter')
  await expect(paragraph(page)).toHaveValue(answerTo('a white sailboat'), { timeout: 60_000 })
  await expect(field(page), 'nothing is changed before it is taken').toHaveValue('a white sailboat')
  await expect(page.locator(':focus')).toHaveText('Use this prompt')
  await expect(page.getByRole('status', { name: 'Prompt enhancer' })).toHaveText(`Enhanced prompt: ${answerTo('a white sailboat')}`)
  await expect(panel(page)).not.toContainText('Missing from your prompt')
  await page.keyboard.press('Enter')
  await expect(field(page)).toHaveValue(answerTo('a white sailboat'))
  await expect(help(page, 'Enhance prompt'), 'the focus is where it was').toBeFocused()
  await help(page, 'Undo').press('Enter')
  await expect(field(page)).toHaveValue('a white sailboat')
  expect(site.hub.asked.length, 'written from this disk').toBe(asked)

  // the same words, the same paragraph; it can be changed before it is taken
  await writeOut(page, 'a tram at night')
  await expect(paragraph(page)).toHaveValue(answerTo('a tram at night'))
  await paragraph(page).fill('A tram at night.')
  await inPanel(page, 'Use this prompt').click()
  await expect(field(page)).toHaveValue('A tram at night.')

  await openView(page, 'Models')
  await card(page, WRITER_CARD).getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(card(page, WRITER_CARD).getByRole('button', { name: /^Download/ })).toBeFocused()
  expect(await filesHere(page)).toBe(false)
  await expect.poll(() => writerWorkers(page), 'it leaves the memory too').toBe(0)
  await openView(page, 'Create')
  await help(page, 'Enhance prompt').click()
  await expect(panel(page)).toContainText('Download in Models')
})

test('remarks are left out, a paragraph about something else is not offered, a long one ends with a sentence', async ({ page, site }) => {
  await openCreate(page, site, { withWriter: true })
  await writeOut(page, 'a paper lantern')
  await expect(paragraph(page)).toHaveValue(/^A paper lantern rises .+ The light is dim and blue\.$/, { timeout: 60_000 })
  await inPanel(page, 'Dismiss').click()
  await expect(field(page)).toHaveValue('a paper lantern')

  await writeOut(page, 'a green kite')
  await expect(panel(page).getByRole('alert')).toContainText('The enhanced prompt was off topic.')
  await expect(panel(page).getByRole('alert')).toContainText('did not mention “green” and “kite”')
  await expect(page.getByRole('textbox', { name: 'Expanded prompt' }), 'a few sentences are offered in its place').toHaveValue(/^a green kite\. .+/)
  await page.keyboard.press('Escape')
  await expect(panel(page)).toHaveCount(0)

  await writeOut(page, 'an old lighthouse')
  await expect(paragraph(page)).toHaveValue(/^An old lighthouse stands .+ sea\.$/)
  const words = (await paragraph(page).inputValue()).split(' ').length
  expect(words).toBeGreaterThan(60)
  expect(words).toBeLessThanOrEqual(120)

  await field(page).fill('')
  await help(page, 'Enhance prompt').click()
  await help(page, 'Enhance prompt').click()
  await expect(panel(page)).toContainText('Enter a prompt first')
})

test('is stopped midway: what was whole is kept; closed midway, nothing changes', async ({ page, site }) => {
  await openCreate(page, site, { withWriter: true })
  await writeOut(page, 'an old lighthouse')
  await expect(inPanel(page, 'Stop'), 'whoever opened it can stop it').toBeFocused()
  await expect(panel(page).locator('.so-far')).toContainText('against it.', { timeout: 60_000 })
  await page.keyboard.press('Enter')
  await expect(paragraph(page)).toHaveValue(/^An old lighthouse stands .+\.$/)
  expect((await paragraph(page).inputValue()).length).toBeLessThan(answerTo('an old lighthouse').length)
  await inPanel(page, 'Dismiss').click()

  await writeOut(page, 'an old lighthouse')
  await expect(panel(page).locator('.so-far')).toContainText('An old')
  await page.keyboard.press('Escape')
  await expect(panel(page)).toHaveCount(0)
  await expect(field(page)).toHaveValue('an old lighthouse')
  await writeOut(page, 'a white sailboat')
  await expect(paragraph(page), 'the next one is not held up').toHaveValue(answerTo('a white sailboat'))
})

test('another paragraph can be asked for', async ({ page, site }) => {
  await openCreate(page, site, { withWriter: true })
  await writeOut(page, 'a white sailboat')
  await expect(inPanel(page, 'Try another')).toBeVisible({ timeout: 60_000 })
  await inPanel(page, 'Try another').click()
  await expect(inPanel(page, 'Try another').or(inPanel(page, 'Try again'))).toBeVisible()
})

test('a damaged file is refused, named, and mended by what Models does', async ({ page, site }) => {
  await openCreate(page, site, { withWriter: true })
  await damage(page, 'onnx/model_q4.onnx')
  await writeOut(page, 'a white sailboat')
  const alert = panel(page).getByRole('alert')
  await expect(alert).toContainText('A model file is corrupted.')
  await expect(alert).toContainText('onnx/model_q4.onnx is damaged on this disk')
  await expect(page.getByRole('textbox', { name: 'Expanded prompt' })).toHaveValue(/^a white sailboat\. .+/)

  await openView(page, 'Models')
  await card(page, WRITER_CARD).getByRole('button', { name: 'Verify' }).click()
  await expect(card(page, WRITER_CARD).getByRole('alert')).toContainText('damaged on this disk')
  await download(page, WRITER_CARD)
  await openView(page, 'Create')
  await help(page, 'Enhance prompt').click()
  await expect(paragraph(page)).toHaveValue(answerTo('a white sailboat'), { timeout: 60_000 })
})

test('its memory is free again when a clip begins', async ({ page, site }) => {
  test.setTimeout(CLIP_MS)
  await openCreate(page, site, { withWriter: true })
  await writeOut(page, 'a white sailboat')
  await expect(paragraph(page)).toHaveValue(answerTo('a white sailboat'), { timeout: 60_000 })
  await inPanel(page, 'Dismiss').click()
  expect(writerWorkers(page), 'it waits for another prompt').toBe(1)
  await follow(page, { stepMs: 10_000 })
  await generateButton(page).click()
  await expect.poll(() => writerWorkers(page)).toBe(0)

  // while a clip is made it can be asked for another, and does not stay
  await writeOut(page, 'a tram at night')
  await expect(paragraph(page)).toHaveValue(answerTo('a tram at night'), { timeout: 60_000 })
  await expect.poll(() => writerWorkers(page)).toBe(0)
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
})

test('the starter keeps to the words that it knows', async ({ page, site }) => {
  await openModels(page, site)
  await download(page, WRITER_CARD)
  await openView(page, 'Create')
  await writeOut(page, 'a red balloon')
  await expect(page.getByRole('textbox', { name: 'Expanded prompt' })).toHaveValue(/^a red balloon .+style/)
  await expect(panel(page)).toHaveCount(0)
  expect(writerWorkers(page)).toBe(0)
})

for (const [theme, width] of [
  ['dark', 390],
  ['light', 1280],
] as const) {
  test(`has no accessibility faults, ${theme}, ${width} pixels wide`, async ({ page, site }) => {
    await page.setViewportSize({ width, height: 844 })
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await openCreate(page, site, { withWriter: false })
    await writeOut(page, 'a white sailboat')
    await expect(panel(page)).toContainText('Download in Models')
    await expectAccessible(page, 'offered')
    await panel(page).getByRole('link', { name: 'Download in Models' }).click()
    await download(page, WRITER_CARD)
    await expectAccessible(page, 'downloaded')
    await openView(page, 'Create')
    await writeOut(page, 'a white sailboat')
    await expect(paragraph(page)).toBeVisible({ timeout: 60_000 })
    await expectAccessible(page, 'written')
    await writeOut(page, 'a green kite')
    await help(page, 'Enhance prompt').click()
    await expect(panel(page).getByRole('alert')).toBeVisible()
    await expectAccessible(page, 'not offered')
  })
}

test.describe('offline', () => {
  test.use({ serviceWorkers: 'allow' })

  test('writes with every server gone, after a reload', async ({ page, context, serve, build }) => {
    // a server of its own, so that stopping it takes nothing from the other tests
    const hub = new ModelHub(files())
    const server = await serve([hub.plugin(build)])
    await openCreate(page, { url: server.url, hub }, { withWriter: true })
    await page.evaluate(async () => {
      const ready = new Promise<void>((done) =>
        navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ type: string }>) => data.type === 'offline-ready' && done()),
      )
      ;(await navigator.serviceWorker.ready).active?.postMessage({ type: 'prepare-offline' })
      await ready
    })
    await server.close()
    await context.setOffline(true)
    await page.reload()
    await writeOut(page, 'a white sailboat')
    await expect(paragraph(page)).toHaveValue(answerTo('a white sailboat'), { timeout: 60_000 })
  })
})
