// LTX-Video from download to clip in a real browser, with small files of its published layout from a hub.
import type { Page } from '@playwright/test'
import { formatBytes } from '../../src/components/quantities'
import { downloadedModelUrl } from '../../src/shared/model-address'
import type { GenerateRequest } from '../../src/shared/request'
import { CLIP_MS, expect, generate } from './app'
import { card as cardOf, download as downloadModel, openModels, withTinyHub } from './tiny-hub'
import { tinyLtx, tinyT5, tinyTokenizer } from './tiny-ltx'
import { generateButton, promptField } from './locators'

const MODEL = 'LTX-Video 2B 0.9.8 distilled'
const ID = 'ltxv-2b-0.9.8-distilled'
const ENCODER_FILE = 't5xxl_fp8_e4m3fn.safetensors'
const URL_OF_MODEL = downloadedModelUrl(ID, 't5-xxl-fp8')

const REQUEST: GenerateRequest = {
  model: ID,
  prompt: 'a red sailboat over the sea',
  width: 64,
  height: 64,
  frames: 9,
  fps: 24,
  steps: 7,
  guidance: 1,
  seed: 3,
}

const test = withTinyHub(() => ({ [`${ID}.safetensors`]: tinyLtx(), [ENCODER_FILE]: tinyT5(), 'tokenizer.json': tinyTokenizer }))

const card = (page: Page) => cardOf(page, MODEL)
const download = (page: Page) => downloadModel(page, MODEL)
const make = (page: Page, changes: Partial<GenerateRequest> = {}) => generate(page, { ...REQUEST, ...changes }, { modelUrl: URL_OF_MODEL })
const failure = (page: Page, modelUrl = URL_OF_MODEL) =>
  page.evaluate(
    async ([request, url]) => {
      const result = await window.kinora!.generate(request, { modelUrl: url })
      return result.ok ? null : result.error
    },
    [REQUEST, modelUrl] as const,
  )

/** Starts a clip through the page and cancels it after text encoding. @returns the progress texts */
async function progressOf(page: Page, prompt?: string): Promise<string[]> {
  if (prompt) await promptField(page).fill(prompt)
  await page.evaluate(() => {
    const line = document.querySelector('[role="status"][aria-label="Progress"]')!
    const reported: string[] = []
    Object.assign(window, { reported })
    new MutationObserver(() => reported.push(line.textContent)).observe(line, { childList: true, characterData: true, subtree: true })
  })
  await generateButton(page).click()
  const reported = () => page.evaluate(() => (window as unknown as { reported: string[] }).reported)
  await expect.poll(reported, { timeout: 30_000 }).toContain('Loading the model')
  await page.getByRole('button', { name: 'Cancel', exact: true }).click()
  await expect.poll(reported, { timeout: 60_000 }).toContain('Canceled. Nothing was saved.')
  return reported()
}

/** Bytes of the files in weights/, finished or not. */
const cacheSizes = (page: Page) =>
  page.evaluate(async () => {
    const sizes: number[] = []
    for await (const entry of (await (await navigator.storage.getDirectory()).getDirectoryHandle('weights', { create: true })).values()) {
      sizes.push((await (entry as FileSystemFileHandle).getFile()).size)
    }
    return sizes
  })

/** Leaves an unfinished cache file, as a crash does. */
const leaveUnfinishedCache = (page: Page) =>
  page.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('weights')
    const file = await (await folder.getFileHandle('unfinished.safetensors', { create: true })).createWritable()
    await file.write(new Uint8Array(5000))
    await file.close()
  })

test('is downloaded and selected, and repeats a clip without a request', async ({ page, site }) => {
  test.setTimeout(2 * CLIP_MS)
  await openModels(page, site)
  await expect(card(page)).toContainText('up to 768 × 512')
  await download(page)

  await card(page).getByRole('button', { name: 'Use this model' }).click()
  await expect(card(page)).toContainText('In use')
  await page.goto(`${site.url}/#/create`)
  await expect(page.getByRole('heading', { name: 'Settings', exact: true })).toBeVisible()
  await expect(page.getByRole('radio', { name: '768 × 512' })).toBeChecked()
  await expect(page.getByRole('radio', { name: '3.2 s' })).toBeChecked()
  await expect(page.getByRole('slider', { name: 'Steps' }), 'its steps are fixed by distillation').toBeHidden()
  await promptField(page).fill('a zeppelin over the sea')
  await expect(page.locator('#prompt-notes'), 'its vocabulary is open').toHaveText('')
  await expect(generateButton(page)).toBeEnabled()

  site.hub.requested.length = 0
  expect(await progressOf(page), 'at the first start only').toContain('Preparing the text encoder (first run only)')
  expect(await progressOf(page, 'a white sea')).not.toContain('Preparing the text encoder (first run only)')
  const first = await make(page)
  expect(first.report.tokens).toBe(8)
  expect(first.report.stepMs).toHaveLength(7)
  const { live, weights } = await page.evaluate(() => window.kinora!.gpuBuffers())
  expect(weights).toBeGreaterThan(20)
  expect(live, 'only weights stay').toBe(weights)
  const frames = await page.evaluate(async (webm) => {
    const video = document.createElement('video')
    video.muted = true
    video.src = URL.createObjectURL(new Blob([Uint8Array.from(atob(webm), (letter) => letter.charCodeAt(0))], { type: 'video/webm' }))
    await new Promise((done, fail) => {
      video.onloadeddata = done
      video.onerror = () => fail(new Error('the clip does not play'))
    })
    return { width: video.videoWidth, height: video.videoHeight, seconds: video.duration }
  }, first.webm)
  expect(frames).toMatchObject({ width: 64, height: 64 })
  expect(frames.seconds).toBeCloseTo(9 / 24, 1)

  // the weights cached at the first start, read in a new worker
  await page.reload()
  const again = await make(page)
  expect(again.report.framesSha256).toBe(first.report.framesSha256)
  expect((await make(page, { prompt: 'a white sea' })).report.latentsSha256, 'the prompt matters').not.toBe(first.report.latentsSha256)
  expect((await make(page, { seed: 4 })).report.framesSha256, 'so does the seed').not.toBe(first.report.framesSha256)
  const image = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(64, 64)
    canvas.getContext('2d')!.fillRect(10, 10, 30, 30)
    const bytes = new Uint8Array(await (await canvas.convertToBlob({ type: 'image/png' })).arrayBuffer())
    return (await window.kinora!.saveAsset('square.png', 'image/png', btoa(String.fromCharCode(...bytes)))).id
  })
  const conditioned = await make(page, { conditions: [{ source: { kind: 'image', id: image }, atFrame: 0, strength: 1 }] })
  expect(conditioned.report.framesSha256, 'the image matters').not.toBe(first.report.framesSha256)
  const { live: after, weights: loaded } = await page.evaluate(() => window.kinora!.gpuBuffers())
  expect(after, 'its encoder is freed').toBe(loaded)
  expect(site.hub.requested).toEqual([])

  await page.goto(`${site.url}/#/models`)
  await expect(card(page), 'kept after a reload').toContainText('In use')
  const copies = await cacheSizes(page)
  expect(copies).toHaveLength(2)
  const ofTransformer = Math.max(...copies) // its tables alone are larger than the encoder
  await expect(card(page), 'its cache counts').toContainText(formatBytes(tinyLtx().length + ofTransformer))
  await leaveUnfinishedCache(page)
  expect(await cacheSizes(page)).toHaveLength(3)
  await card(page).getByRole('button', { name: 'Delete' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(page.getByRole('article', { name: 'Kinora Starter' }), 'the starter replaces a deleted model').toContainText('In use')
  await expect.poll(() => cacheSizes(page), 'the cache of the deleted model and the unfinished cache are deleted').toEqual([Math.min(...copies)])
  await page.getByRole('button', { name: 'Delete T5 XXL encoder, 8-bit floats' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect.poll(() => cacheSizes(page)).toEqual([])
})

test('names the missing file', async ({ page, site }) => {
  await openModels(page, site)
  await expect(card(page)).toBeVisible()
  expect(await failure(page)).toMatchObject({ code: 'weights-missing', message: `${ID}.safetensors is not downloaded: download it in Models.` })
  expect(await failure(page, downloadedModelUrl('ltxv-13b', 't5-xxl-fp8'))).toMatchObject({ code: 'not-found' })
  await download(page)
  expect(await failure(page, downloadedModelUrl(ID, 't5-xxl-q8'))).toMatchObject({
    code: 'weights-missing',
    message: 't5-v1_1-xxl-encoder-Q8_0.gguf is not downloaded: download it in Models.',
  })
  await page.evaluate(async () => {
    const root = await navigator.storage.getDirectory()
    await (await root.getDirectoryHandle('downloads')).removeEntry('t5-tokenizer', { recursive: true })
  })
  expect(await failure(page)).toMatchObject({ code: 'weights-missing', message: 'tokenizer.json is not downloaded: download it in Models.' })
  expect(await page.evaluate(() => window.kinora!.gpuBuffers())).toEqual({ live: 0, weights: 0 })
})
