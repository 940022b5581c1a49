// LTX-Video from local files in a real browser: chosen through the page, checked by their headers, used for clips, never copied.
import type { Page } from '@playwright/test'
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { downloadedModelUrl } from '../../src/shared/model-address'
import type {} from '../../src/components/pick-from-disk' // what it declares of Window
import type { GenerateRequest } from '../../src/shared/request'
import { writeSafetensors } from '../../workers/weights/safetensors'
import { expectAccessible } from './accessible'
import { CLIP_MS, expect, generate, test as base } from './app'
import { ModelHub } from './model-hub'
import { tinyConfig, tinyLtx, tinyLtxFolder, tinyT5, tinyTokenizer } from './tiny-ltx'

const MODEL = 'LTX-Video 2B 0.9.8 distilled'
const ID = 'ltxv-2b-0.9.8-distilled'
const ENCODER = 'T5 XXL encoder, 8-bit floats'
const TOKENIZER = 'T5 tokenizer'
const URL_OF_MODEL = downloadedModelUrl(ID, 't5-xxl-fp8')
const FOLDER = tinyLtxFolder()

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

interface Site {
  url: string
  /** serves the files of the folder, which a test writes into a folder of its own */
  hub: ModelHub
}

const test = base.extend<{ disk: (files: Record<string, Uint8Array>) => string }, { site: Site }>({
  site: [
    async ({ serve, build }, use) => {
      const hub = new ModelHub(FOLDER)
      const server = await serve([hub.plugin(build)])
      await use({ url: server.url, hub })
      await server.close()
    },
    { scope: 'worker' },
  ],
  /** Writes files into a folder of this test, and gives its path. */
  disk: async ({}, use, info) => {
    await use((files) => {
      const folder = info.outputPath('My models')
      for (const [path, bytes] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true })
        writeFileSync(join(folder, path), bytes)
      }
      return folder
    })
  },
})

const card = (page: Page) => page.getByRole('article', { name: MODEL })
const status = (page: Page) => page.getByRole('status', { name: `Status of ${MODEL}` })
const failure = (page: Page) =>
  page.evaluate(
    async ([request, modelUrl]) => {
      const result = await window.kinora!.generate(request, { modelUrl })
      return result.ok ? null : result.error
    },
    [REQUEST, URL_OF_MODEL] as const,
  )
const make = (page: Page) => generate(page, REQUEST, { modelUrl: URL_OF_MODEL })

async function openModels(page: Page, { url, hub }: Site): Promise<void> {
  hub.reset()
  await page.goto(`${url}/#/models`)
  await expect(card(page)).toBeVisible()
}

/** As in Firefox and Safari: files and folders come through an input. */
const withoutPickers = (page: Page) =>
  page.addInitScript(() => {
    delete window.showOpenFilePicker
    delete window.showDirectoryPicker
  })

async function choose(page: Page, button: ReturnType<Page['getByRole']>, path: string): Promise<void> {
  const chooser = page.waitForEvent('filechooser')
  await button.click()
  await (await chooser).setFiles(path)
}

const chooseModel = (page: Page, path: string) => choose(page, card(page).getByRole('button', { name: 'Choose local file…' }), path)
const chooseFor = (page: Page, source: string, path: string) => choose(page, page.getByRole('button', { name: `Choose file…: ${source}` }), path)

/** Drops a real file of the disk, for which Chromium gives a handle. */
async function drop(page: Page, path: string): Promise<void> {
  await card(page).scrollIntoViewIfNeeded()
  const box = await card(page).boundingBox()
  if (!box) throw new Error('The card is not visible.')
  const place = { x: box.x + box.width / 2, y: box.y + 40 }
  const session = await page.context().newCDPSession(page)
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, ...place, data: { items: [], files: [path], dragOperationsMask: 1 } })
  }
}

test('generates a clip from files of a file input without a request, for this visit', { tag: '@smoke' }, async ({ page, site, disk }) => {
  test.setTimeout(CLIP_MS)
  const folder = disk({ 'ltxv.safetensors': tinyLtx(), 't5.safetensors': tinyT5(), 'tokenizer.json': tinyTokenizer })
  await withoutPickers(page)
  await openModels(page, site)
  await chooseModel(page, join(folder, 'ltxv.safetensors'))
  await expect(card(page)).toContainText('ltxv.safetensors, 7.3 MB, read from your disk. This browser grants access for this visit only')
  await expect(status(page)).toHaveText('Incomplete: download the text encoder and tokenizer.')
  await chooseFor(page, ENCODER, join(folder, 't5.safetensors'))
  await expect(page.getByText('t5.safetensors, ')).toBeVisible()
  await expect(status(page)).toHaveText('Incomplete: download the tokenizer.')
  await chooseFor(page, TOKENIZER, join(folder, 'tokenizer.json'))
  await expect(status(page)).toHaveText('Ready. The headers of local files were verified.')
  await expect(card(page).getByRole('button', { name: /^Download|Verify|Delete/ })).toHaveCount(0)
  await card(page).getByRole('button', { name: 'Use this model' }).click()
  await expect(card(page)).toContainText('In use')

  const clip = await make(page)
  expect(clip.report.stepMs).toHaveLength(7)
  expect(site.hub.requested).toEqual([])
  const { live, weights } = await page.evaluate(() => window.kinora!.gpuBuffers())
  expect(live, 'only weights stay').toBe(weights)
  expect(
    await page.evaluate(async () => {
      const names: string[] = []
      for await (const name of (await navigator.storage.getDirectory()).keys()) names.push(name)
      return names
    }),
    'nothing was copied',
  ).not.toContain('downloads')

  await card(page).getByRole('button', { name: 'Unlink' }).click()
  await expect(card(page).getByRole('button', { name: /^Download/ })).toBeVisible()
  await expect(page.getByRole('article', { name: 'Kinora Starter' }), 'the starter replaces an unlinked model').toContainText('In use')
  expect(await failure(page)).toMatchObject({ code: 'weights-missing', message: `${ID}.safetensors is not downloaded: download it in Models.` })

  await page.reload()
  await expect(page.getByText(', read from your disk.'), 'File objects last for one visit').toHaveCount(0)
})

test('uses a diffusers folder also after a reload, with the same clip as from the single file', async ({ page, site, disk }) => {
  test.setTimeout(2 * CLIP_MS)
  // a handle of the origin's own file system is a real one, and needs no picker
  await page.addInitScript(() => {
    window.showDirectoryPicker = async () => (await navigator.storage.getDirectory()).getDirectoryHandle('LTX-Video')
  })
  await openModels(page, site)
  await page.evaluate(
    async ([hub, paths]) => {
      const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('LTX-Video', { create: true })
      for (const path of paths) {
        const [part = '', name = ''] = path.split('/')
        const file = await (await folder.getDirectoryHandle(part, { create: true })).getFileHandle(name, { create: true })
        const body = (await fetch(`${hub}any/repo/resolve/main/${path}`)).body
        await body!.pipeTo(await file.createWritable())
      }
    },
    [ModelHub.url(site.url), Object.keys(FOLDER)] as const,
  )
  site.hub.reset()

  await card(page).getByRole('button', { name: 'Choose folder…' }).click()
  await expect(card(page)).toContainText(/LTX-Video, \d\.\d MB, read from your disk\./)
  await expect(status(page)).toContainText('Ready.')
  await card(page).getByRole('button', { name: 'Use this model' }).click()
  await page.reload()
  await expect(card(page), 'the handle is stored').toContainText('In use')
  await expect(status(page)).toContainText('Ready.')
  const byFolder = await make(page)
  expect(site.hub.requested).toEqual([])

  // the same weights under the original names
  const single = disk({ 'ltxv.safetensors': tinyLtx() })
  await card(page).getByRole('button', { name: 'Unlink' }).click()
  await withoutPickers(page)
  await page.reload()
  await chooseModel(page, join(single, 'ltxv.safetensors'))
  await expect(status(page)).toContainText('Ready.')
  expect((await make(page)).report.framesSha256).toBe(byFolder.report.framesSha256)
})

test('rejects other models by their headers, and allocates nothing', async ({ page, site, disk }) => {
  const float = { dtype: 'F32', shape: [1], values: Float32Array.of(1) } as const
  const wrongLength = tinyLtx()
  new DataView(wrongLength.buffer).setBigUint64(0, 2n ** 40n, true)
  const folder = disk({
    'wan.safetensors': writeSafetensors({ 'blocks.0.self_attn.norm_q.weight': float }),
    'model.ckpt': Uint8Array.of(0x80, 2, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8), // torch.save's first bytes before 1.6
    'cut.safetensors': tinyLtx().subarray(0, 2_000_000),
    'wrongLength.safetensors': wrongLength,
    't5.safetensors': tinyT5(),
    'large.safetensors': largeHeader(),
    'not a model/readme.txt': Uint8Array.of(65),
  })
  await withoutPickers(page)
  await openModels(page, site)
  const expectRejected = async (file: string, words: string | RegExp) => {
    await chooseModel(page, join(folder, file))
    await expect(card(page).getByRole('alert'), file).toContainText(words)
    await expect(card(page).getByRole('button', { name: 'Unlink' }), file).toHaveCount(0)
  }
  await expectRejected('wan.safetensors', 'wan.safetensors contains Wan; Kinora runs LTX-Video 2B')
  await expectRejected('model.ckpt', 'it is a PyTorch pickle, which can run code when it is loaded')
  await expectRejected('cut.safetensors', 'cut.safetensors is not readable')
  await expectRejected('wrongLength.safetensors', 'bytes, got 1099511627776')
  await expectRejected('t5.safetensors', 't5.safetensors has no config in its metadata')
  await expectRejected(
    'large.safetensors',
    /large\.safetensors: expected LTX-Video 2B 0\.9\.8 distilled, which needs 2\.0 GB of GPU memory, got a larger model of 48 blocks of width 4096, which needs \d\.\d GB/,
  )
  await choose(page, card(page).getByRole('button', { name: 'Choose folder…' }), folder)
  await expect(card(page).getByRole('alert')).toContainText(/My models: expected a folder in diffusers' layout.*; it has no transformer\//)
  await chooseFor(page, ENCODER, join(folder, 'wan.safetensors'))
  await expect(page.getByRole('region', { name: 'Text encoder' }).getByRole('alert')).toContainText('wan.safetensors contains Wan')
  await chooseFor(page, TOKENIZER, join(folder, 'not a model/readme.txt'))
  await expect(page.getByRole('region', { name: 'Text encoder' })).toContainText('expected a tokenizer')
  expect(await page.evaluate(() => window.kinora!.gpuBuffers())).toEqual({ live: 0, weights: 0 })
})

test('does not read a file that has changed since it was chosen', async ({ page, site, disk }) => {
  const folder = disk({ 'ltxv.safetensors': tinyLtx(), 't5.safetensors': tinyT5(), 'tokenizer.json': tinyTokenizer })
  const path = join(folder, 'ltxv.safetensors')
  await withoutPickers(page)
  await openModels(page, site)
  await chooseModel(page, path)
  await expect(status(page)).toContainText('Incomplete')
  await chooseFor(page, ENCODER, join(folder, 't5.safetensors'))
  await chooseFor(page, TOKENIZER, join(folder, 'tokenizer.json'))
  await expect(status(page)).toContainText('Ready.')
  writeFileSync(path, tinyLtx())
  utimesSync(path, new Date(), new Date(Date.now() + 5000))
  expect(await failure(page)).toMatchObject({
    code: 'weights-missing',
    message: 'ltxv.safetensors could not be read from the disk: it has changed or cannot be read; choose it again.',
  })
  expect(await page.evaluate(() => window.kinora!.gpuBuffers())).toEqual({ live: 0, weights: 0 })
})

test('keeps a dropped file after a reload, and reports that it has changed', async ({ page, site, disk }) => {
  const path = join(disk({ 'ltxv.safetensors': tinyLtx() }), 'ltxv.safetensors')
  await openModels(page, site)
  await drop(page, path)
  await expect(card(page)).toContainText('ltxv.safetensors, 7.3 MB, read from your disk.')
  await expect(card(page)).not.toContainText('for this visit only')
  await page.reload()
  await expect(card(page)).toContainText('ltxv.safetensors, 7.3 MB, read from your disk.')
  await expect(status(page), 'the permission lasts while the page is open').toContainText('Incomplete')

  // a file that has changed on the disk is another file
  writeFileSync(path, tinyLtx())
  utimesSync(path, new Date(), new Date(Date.now() + 5000))
  await page.reload()
  await expect(card(page)).toContainText('ltxv.safetensors has changed on the disk since it was chosen: choose it again in Models.')
  expect(await failure(page)).toMatchObject({
    code: 'weights-missing',
    message: 'ltxv.safetensors has changed on the disk since it was chosen: choose it again in Models.',
  })
  await drop(page, path)
  await expect(card(page)).toContainText('ltxv.safetensors, 7.3 MB, read from your disk.')
  await card(page).getByRole('button', { name: 'Unlink' }).click()
  await expect(card(page).getByRole('button', { name: 'Choose local file…' })).toBeVisible()
  await page.reload()
  await expect(card(page).getByRole('button', { name: 'Choose local file…' }), 'an unlinked file stays unlinked').toBeVisible()
})

test('requests the browser’s permission again when the user clicks', async ({ page, site, disk }) => {
  const path = join(disk({ 'ltxv.safetensors': tinyLtx() }), 'ltxv.safetensors')
  await openModels(page, site)
  await drop(page, path)
  await expect(status(page)).toContainText('Incomplete')
  // a headless browser has no permission prompt: its answers are simulated
  await page.route(/local-files\.worker.*\.js/, async (route) => {
    const response = await route.fetch()
    const prompting =
      "let answer = 'prompt'; new BroadcastChannel('prompt').onmessage = () => (answer = 'granted'); FileSystemHandle.prototype.queryPermission = async () => answer;"
    await route.fulfill({ response, body: `${prompting}${await response.text()}` })
  })
  await page.addInitScript(() => {
    const channel = new BroadcastChannel('prompt')
    FileSystemHandle.prototype.requestPermission = async () => {
      if (!navigator.userActivation.isActive) throw new DOMException('no click', 'SecurityError')
      channel.postMessage('granted')
      await new Promise((done) => setTimeout(done, 300))
      return 'granted'
    }
  })
  await page.reload()
  await expect(card(page)).toContainText('The browser needs your permission to read it again.')
  await card(page).getByRole('button', { name: 'Allow access' }).click()
  await expect(card(page)).not.toContainText('needs your permission')
  await expect(card(page).getByRole('button', { name: 'Allow access' })).toHaveCount(0)
  await expect(card(page).getByRole('button', { name: /^Download/ }), 'the focus stays in the card').toBeFocused()
})

test('has no accessibility faults with local files, also at the width of a phone', async ({ page, site, disk }) => {
  const folder = disk({
    'ltxv.safetensors': tinyLtx(),
    'wan.safetensors': writeSafetensors({ 'blocks.0.self_attn.norm_q.weight': { dtype: 'F32', shape: [1], values: Float32Array.of(1) } }),
  })
  await withoutPickers(page)
  await openModels(page, site)
  await chooseModel(page, join(folder, 'ltxv.safetensors'))
  await expect(status(page)).toContainText('Incomplete')
  await expect(card(page).getByRole('button', { name: /^Download/ }), 'the focus stays in the card').toBeFocused()
  await chooseFor(page, ENCODER, join(folder, 'wan.safetensors'))
  await expect(page.getByRole('region', { name: 'Text encoder' }).getByRole('alert')).toBeVisible()
  for (const [width, height] of [
    [1280, 800],
    [390, 844],
  ] as const) {
    for (const colorScheme of ['dark', 'light'] as const) {
      await page.setViewportSize({ width, height })
      await page.emulateMedia({ colorScheme })
      await expectAccessible(page, `${width} ${colorScheme}`)
      if (process.env['SHOTS']) await page.screenshot({ path: join(process.env['SHOTS'], `${width}-${colorScheme}.png`), fullPage: true })
    }
  }
})

/** LTX-Video 13B: a header with its kind and size. */
function largeHeader(): Uint8Array<ArrayBuffer> {
  const zeros = (...shape: number[]) => ({ dtype: 'F32', shape, values: new Float32Array(shape.reduce((product, size) => product * size, 1)) }) as const
  const transformer = {
    ...tinyConfig.transformer,
    num_attention_heads: 32,
    attention_head_dim: 128,
    num_layers: 48,
    caption_channels: 4096,
    cross_attention_dim: 4096,
  }
  const gains = Array.from({ length: 48 }, (_, block) => [`model.diffusion_model.transformer_blocks.${block}.attn1.q_norm.weight`, zeros(4096)] as const)
  return writeSafetensors(
    {
      'model.diffusion_model.patchify_proj.weight': zeros(4096, 128),
      'vae.decoder.up_blocks.0.res_blocks.0.conv1.conv.weight': zeros(1),
      ...Object.fromEntries(gains),
    },
    { config: JSON.stringify({ ...tinyConfig, transformer }) },
  )
}
