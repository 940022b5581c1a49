// The prompt enhancer, a small language model: downloaded in Models, used in Create with LTX-Video, without a server.
// The model is a tiny one that has memorized a few answers.
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
const ENHANCER_CARD = 'Prompt enhancer'

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
const enhancerWorkers = (page: Page) => page.workers().filter((worker) => worker.url().includes('prompt-enhancer.worker')).length
const answerTo = (words: string): string => enhancerCases.find((one) => one.words === words)?.text ?? ''

/** Downloads LTX-Video and selects it, also downloads the prompt enhancer on request, and opens Create. */
async function openCreate(page: Page, site: TinyHub, { withEnhancer }: { withEnhancer: boolean }): Promise<void> {
  await openModels(page, site)
  await download(page, MODEL)
  await card(page, MODEL).getByRole('button', { name: 'Use this model' }).click()
  if (withEnhancer) await download(page, ENHANCER_CARD)
  await openView(page, 'Create')
  await expect(help(page, 'Enhance prompt')).toBeVisible()
}

async function enhance(page: Page, words: string): Promise<void> {
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

const isStored = (page: Page) =>
  page.evaluate(async (source) => {
    const downloads = await (await navigator.storage.getDirectory()).getDirectoryHandle('downloads')
    const names: string[] = []
    for await (const name of downloads.keys()) names.push(name)
    return names.includes(source)
  }, PROMPT_ENHANCER.id)

test('is downloaded from Create, enhances a prompt, and is deleted', async ({ page, site }) => {
  await openCreate(page, site, { withEnhancer: false })
  await enhance(page, 'a white sailboat')
  await expect(page.getByRole('textbox', { name: 'Expanded prompt' }), 'a rule-based expansion without the model').toHaveValue(/^a white sailboat\. .+/)
  await expect(panel(page)).toContainText('Get better prompts with the prompt enhancer.')
  await expect(panel(page)).toContainText('one-time download of 419 MB')
  await panel(page).getByRole('link', { name: 'Download in Models' }).click()
  await expect(page.locator(':focus')).toHaveText('Download 419 MB')

  await page.keyboard.press('Enter')
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('Apache 2.0')
  await expect(dialog).toContainText(`downloaded from ${new URL(site.url).host}`)
  await dialog.getByRole('button', { name: 'Accept and download' }).click()
  await expect(page.getByRole('status', { name: `Status of ${ENHANCER_CARD}` })).toContainText('Ready. All files were verified.')
  await expect(card(page, ENHANCER_CARD)).toContainText('On disk')
  const requests = site.hub.requested.length

  await openView(page, 'Create')
  await expect(field(page)).toHaveValue('a white sailboat')
  await help(page, 'Enhance prompt').focus()
  await page.keyboard.press('Enter')
  await expect(paragraph(page)).toHaveValue(answerTo('a white sailboat'), { timeout: 60_000 })
  await expect(field(page), 'the prompt is unchanged before Use this prompt').toHaveValue('a white sailboat')
  await expect(page.locator(':focus')).toHaveText('Use this prompt')
  await expect(page.getByRole('status', { name: 'Prompt enhancer' })).toHaveText(`Enhanced prompt: ${answerTo('a white sailboat')}`)
  await expect(panel(page)).not.toContainText('Missing from your prompt')
  await page.keyboard.press('Enter')
  await expect(field(page)).toHaveValue(answerTo('a white sailboat'))
  await expect(help(page, 'Enhance prompt'), 'the focus returns').toBeFocused()
  await help(page, 'Undo').press('Enter')
  await expect(field(page)).toHaveValue('a white sailboat')
  expect(site.hub.requested.length, 'no request').toBe(requests)

  // the suggestion can be edited before it is used
  await enhance(page, 'a tram at night')
  await expect(paragraph(page)).toHaveValue(answerTo('a tram at night'))
  await paragraph(page).fill('A tram at night.')
  await inPanel(page, 'Use this prompt').click()
  await expect(field(page)).toHaveValue('A tram at night.')

  await openView(page, 'Models')
  await card(page, ENHANCER_CARD).getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(card(page, ENHANCER_CARD).getByRole('button', { name: /^Download/ })).toBeFocused()
  expect(await isStored(page)).toBe(false)
  await expect.poll(() => enhancerWorkers(page), 'its worker ends').toBe(0)
  await openView(page, 'Create')
  await help(page, 'Enhance prompt').click()
  await expect(panel(page)).toContainText('Download in Models')
})

test('drops remarks, rejects an off-topic paragraph, and ends a long one with a sentence', async ({ page, site }) => {
  await openCreate(page, site, { withEnhancer: true })
  await enhance(page, 'a paper lantern')
  await expect(paragraph(page)).toHaveValue(/^A paper lantern rises .+ The light is dim and blue\.$/, { timeout: 60_000 })
  await inPanel(page, 'Dismiss').click()
  await expect(field(page)).toHaveValue('a paper lantern')

  await enhance(page, 'a green kite')
  await expect(panel(page).getByRole('alert')).toContainText('The enhanced prompt was off topic.')
  await expect(panel(page).getByRole('alert')).toContainText('did not mention “green” and “kite”')
  await expect(page.getByRole('textbox', { name: 'Expanded prompt' }), 'the rule-based expansion is offered instead').toHaveValue(/^a green kite\. .+/)
  await page.keyboard.press('Escape')
  await expect(panel(page)).toHaveCount(0)

  await enhance(page, 'an old lighthouse')
  await expect(paragraph(page)).toHaveValue(/^An old lighthouse stands .+ sea\.$/)
  const words = (await paragraph(page).inputValue()).split(' ').length
  expect(words).toBeGreaterThan(60)
  expect(words).toBeLessThanOrEqual(120)

  await field(page).fill('')
  await help(page, 'Enhance prompt').click()
  await help(page, 'Enhance prompt').click()
  await expect(panel(page)).toContainText('Enter a prompt first')
})

test('keeps complete sentences when stopped, and changes nothing when closed midway', async ({ page, site }) => {
  await openCreate(page, site, { withEnhancer: true })
  await enhance(page, 'an old lighthouse')
  await expect(inPanel(page, 'Stop'), 'the focus is on Stop').toBeFocused()
  await expect(panel(page).locator('.so-far')).toContainText('against it.', { timeout: 60_000 })
  await page.keyboard.press('Enter')
  await expect(paragraph(page)).toHaveValue(/^An old lighthouse stands .+\.$/)
  expect((await paragraph(page).inputValue()).length).toBeLessThan(answerTo('an old lighthouse').length)
  await inPanel(page, 'Dismiss').click()

  await enhance(page, 'an old lighthouse')
  await expect(panel(page).locator('.so-far')).toContainText('An old')
  await page.keyboard.press('Escape')
  await expect(panel(page)).toHaveCount(0)
  await expect(field(page)).toHaveValue('an old lighthouse')
  await enhance(page, 'a white sailboat')
  await expect(paragraph(page), 'the next request is not blocked').toHaveValue(answerTo('a white sailboat'))
})

test('offers another paragraph', async ({ page, site }) => {
  await openCreate(page, site, { withEnhancer: true })
  await enhance(page, 'a white sailboat')
  await expect(inPanel(page, 'Try another')).toBeVisible({ timeout: 60_000 })
  await inPanel(page, 'Try another').click()
  await expect(inPanel(page, 'Try another').or(inPanel(page, 'Try again'))).toBeVisible()
})

test('names a damaged file, which Models finds and downloads again', async ({ page, site }) => {
  await openCreate(page, site, { withEnhancer: true })
  await damage(page, 'onnx/model_q4.onnx')
  await enhance(page, 'a white sailboat')
  const alert = panel(page).getByRole('alert')
  await expect(alert).toContainText('A model file is corrupted.')
  await expect(alert).toContainText('onnx/model_q4.onnx is damaged on this disk')
  await expect(page.getByRole('textbox', { name: 'Expanded prompt' })).toHaveValue(/^a white sailboat\. .+/)

  await openView(page, 'Models')
  await card(page, ENHANCER_CARD).getByRole('button', { name: 'Verify' }).click()
  await expect(card(page, ENHANCER_CARD).getByRole('alert')).toContainText('damaged on this disk')
  await download(page, ENHANCER_CARD)
  await openView(page, 'Create')
  await help(page, 'Enhance prompt').click()
  await expect(paragraph(page)).toHaveValue(answerTo('a white sailboat'), { timeout: 60_000 })
})

test('frees its memory when a clip begins', async ({ page, site }) => {
  test.setTimeout(CLIP_MS)
  await openCreate(page, site, { withEnhancer: true })
  await enhance(page, 'a white sailboat')
  await expect(paragraph(page)).toHaveValue(answerTo('a white sailboat'), { timeout: 60_000 })
  await inPanel(page, 'Dismiss').click()
  expect(enhancerWorkers(page), 'it stays for another prompt').toBe(1)
  await follow(page, { stepMs: 10_000 })
  await generateButton(page).click()
  await expect.poll(() => enhancerWorkers(page)).toBe(0)

  // it can also run during a job, and ends afterwards
  await enhance(page, 'a tram at night')
  await expect(paragraph(page)).toHaveValue(answerTo('a tram at night'), { timeout: 60_000 })
  await expect.poll(() => enhancerWorkers(page)).toBe(0)
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
})

test('is not used for the starter, whose vocabulary is fixed', async ({ page, site }) => {
  await openModels(page, site)
  await download(page, ENHANCER_CARD)
  await openView(page, 'Create')
  await enhance(page, 'a red balloon')
  await expect(page.getByRole('textbox', { name: 'Expanded prompt' })).toHaveValue(/^a red balloon .+style/)
  await expect(panel(page)).toHaveCount(0)
  expect(enhancerWorkers(page)).toBe(0)
})

for (const [theme, width] of [
  ['dark', 390],
  ['light', 1280],
] as const) {
  test(`has no accessibility faults, ${theme}, ${width} pixels wide`, async ({ page, site }) => {
    await page.setViewportSize({ width, height: 844 })
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    await openCreate(page, site, { withEnhancer: false })
    await enhance(page, 'a white sailboat')
    await expect(panel(page)).toContainText('Download in Models')
    await expectAccessible(page, 'offered')
    await panel(page).getByRole('link', { name: 'Download in Models' }).click()
    await download(page, ENHANCER_CARD)
    await expectAccessible(page, 'downloaded')
    await openView(page, 'Create')
    await enhance(page, 'a white sailboat')
    await expect(paragraph(page)).toBeVisible({ timeout: 60_000 })
    await expectAccessible(page, 'enhanced')
    await enhance(page, 'a green kite')
    await help(page, 'Enhance prompt').click()
    await expect(panel(page).getByRole('alert')).toBeVisible()
    await expectAccessible(page, 'off topic')
  })
}

test.describe('offline', () => {
  test.use({ serviceWorkers: 'allow' })

  test('enhances a prompt offline, after a reload', async ({ page, context, serve, build }) => {
    // a server of its own, because the test stops it
    const hub = new ModelHub(files())
    const server = await serve([hub.plugin(build)])
    await openCreate(page, { url: server.url, hub }, { withEnhancer: true })
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
    await enhance(page, 'a white sailboat')
    await expect(paragraph(page)).toHaveValue(answerTo('a white sailboat'), { timeout: 60_000 })
  })
})
