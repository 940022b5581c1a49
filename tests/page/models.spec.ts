// The Models view with its real worker, against a hub of small files: what is requested before, shown during and stored after a download.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expectAccessible } from '../e2e/accessible'
import { expect, test as base } from '../e2e/app'
import { chromiumFlags, findChromium } from '../e2e/browser'
import { ModelHub } from '../e2e/model-hub'

const MODEL = 'LTX-Video 2B 0.9.8 distilled'
const OTHER = 'LTX-Video 2B 0.9.6 distilled'
const ENCODER = 'T5 XXL encoder, 8-bit floats'
const FILE = 'ltxv-2b-0.9.8-distilled.safetensors'
const CHUNK_BYTES = 16 * 2 ** 20
/** a little over two chunks, so that a pause in the second leaves one on the disk */
const MODEL_BYTES = 36_000_000

interface Site {
  url: string
  hub: ModelHub
}

const test = base.extend<{ openModels: void }, { site: Site }>({
  site: [
    async ({ serve, build }, use) => {
      const hub = new ModelHub({ [FILE]: MODEL_BYTES, 't5xxl_fp8_e4m3fn.safetensors': 3_000_000, 'tokenizer.json': 1_390_000 })
      const server = await serve([hub.plugin(build)])
      await use({ url: server.url, hub })
      await server.close()
    },
    { scope: 'worker' },
  ],
  /** A new browser's Models view, with the hub as its mirror. */
  openModels: [
    async ({ page, site }, use) => {
      site.hub.reset()
      await page.addInitScript((url) => localStorage.setItem('kinora.mirror', JSON.stringify(url)), ModelHub.url(site.url))
      await page.goto(`${site.url}/#/models`)
      await expect(card(page)).toBeVisible()
      await use()
    },
    { auto: true },
  ],
})

const card = (page: Page, name = MODEL) => page.getByRole('article', { name })
const status = (page: Page) => page.getByRole('status', { name: `Status of ${MODEL}` })
const button = (page: Page, name: string | RegExp) => card(page).getByRole('button', { name })

async function startDownload(page: Page): Promise<void> {
  await button(page, /^Download/).click()
  await page.getByRole('button', { name: 'Accept and download' }).click()
}

async function download(page: Page): Promise<void> {
  await startDownload(page)
  await expect(status(page)).toContainText('Ready. All files were verified.', { timeout: 30_000 })
}

test('shows the licenses before the first byte, and asks only once', async ({ page, site }) => {
  await expect(card(page).getByRole('link', { name: /LTXV Open Weights License 0\.X/ })).toHaveAttribute(
    'href',
    /^https:\/\/huggingface\.co\/Lightricks\/LTX-Video\//,
  )
  await button(page, /^Download 40 MB/).click()
  const dialog = page.getByRole('dialog')
  await expect(dialog).toContainText('LTXV Open Weights License 0.X')
  await expect(dialog).toContainText('Apache 2.0')
  await expect(dialog).toContainText(`downloaded from ${new URL(site.url).host}`)
  await dialog.getByRole('button', { name: 'Not now' }).click()
  await expect(dialog).toBeHidden()
  expect(site.hub.requested).toEqual([])

  await download(page)
  await expect(card(page), 'the card of the other model counts the downloaded encoder').toContainText('On disk')
  await expect(card(page, OTHER)).not.toContainText('including text encoder')
  await page.reload()
  await card(page, OTHER)
    .getByRole('button', { name: /^Download/ })
    .click()
  await expect(page.getByRole('dialog'), 'the same licenses are not requested again').toBeHidden()
  await expect(card(page, OTHER).getByRole('alert')).toContainText('The file was not found on the server.')
})

test('pauses a download, keeps it after a reload, and resumes with the missing bytes', async ({ page, site }) => {
  site.hub.bytesPerSecond = 12e6
  await startDownload(page)
  await expect(status(page)).toContainText('Downloading')
  await expect(card(page)).toContainText(/of 40 MB · [\d.]+ MB\/s · (about \d+ s left|almost done)/)
  await expect.poll(() => site.hub.requested.some(({ start }) => start === CHUNK_BYTES)).toBe(true)
  await button(page, 'Pause').click()
  await expect(status(page)).toContainText('Paused. Progress is saved.')
  await expect(card(page).getByRole('progressbar')).toHaveAttribute('aria-valuenow', String(Math.floor((100 * CHUNK_BYTES) / (MODEL_BYTES + 4_390_000))))

  const before = site.hub.requested.length
  await page.reload()
  await expect(status(page)).toContainText('Paused. Progress is saved.')
  await expect(card(page)).toContainText('17 MB of 36 MB, paused')
  expect(site.hub.requested.length, 'nothing is fetched without a click').toBe(before)

  site.hub.bytesPerSecond = Infinity
  await button(page, 'Resume').click()
  await expect(status(page)).toContainText('Ready. All files were verified.', { timeout: 30_000 })
  const again = site.hub.requested.slice(before).filter(({ path, start, end }) => path === FILE && (end ?? 0) - (start ?? 0) > 1)
  expect(
    again.map(({ start }) => start),
    'the downloaded chunk is not fetched again',
  ).toEqual([CHUNK_BYTES, 2 * CHUNK_BYTES])
})

test('verifies and deletes a model, and keeps its shared encoder until that is deleted', async ({ page, site }) => {
  await download(page)
  const before = site.hub.requested.length
  await button(page, 'Verify').click()
  await expect(button(page, 'Use this model')).toBeFocused() // Verify is gone; the focus stays in its group, on the first button
  await expect(status(page)).toContainText('Ready. All files were verified.')
  expect(site.hub.requested.length, 'verifying needs no server').toBe(before)

  await button(page, 'Delete').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Keep model' }).click()
  await expect(button(page, 'Delete')).toBeVisible()
  await button(page, 'Delete').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(button(page, /^Download 36 MB/)).toBeVisible()

  await page.getByRole('button', { name: `Delete ${ENCODER}` }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Delete', exact: true }).click()
  await expect(button(page, /^Download 40 MB/)).toBeVisible()
  expect(await page.evaluate(() => navigator.storage.estimate().then(({ usage = 0 }) => usage))).toBeLessThan(1_000_000)
})

test('reports the missing bytes before any request if there is too little free space', async ({ site, playwright }) => {
  // Chrome reports 10 GiB to pages whatever is free; other browsers, and this one with the flag, report the real quota
  const browser = await playwright.chromium.launch({
    executablePath: findChromium(),
    args: [...chromiumFlags('swiftshader'), '--disable-features=StaticStorageQuota'],
  })
  try {
    const page = await browser.newPage()
    await page.goto(site.url)
    const cdp = await page.context().newCDPSession(page)
    await cdp.send('Storage.overrideQuotaForOrigin', { origin: site.url, quotaSize: 10_000_000 })
    await page.getByRole('link', { name: 'Models' }).click()
    await expect(card(page)).toContainText('Not enough storage.')
    await expect(card(page)).toContainText(/The download needs 40 MB, but only [\d.]+ MB is free\. Free up at least 3\d MB/)
    await expect(button(page, /^Download/)).toBeDisabled()
    expect(site.hub.requested).toEqual([])
  } finally {
    await browser.close()
  }
})

test('stops a download when storage runs out, and resumes it when there is free space', async ({ page, site }) => {
  const cdp = await page.context().newCDPSession(page)
  site.hub.bytesPerSecond = 12e6
  await startDownload(page)
  await expect.poll(() => site.hub.requested.some(({ start }) => start === CHUNK_BYTES)).toBe(true)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: site.url, quotaSize: 20_000_000 })
  await expect(card(page).getByRole('alert')).toContainText('Not enough storage.', { timeout: 20_000 })
  await expect(status(page)).toContainText('Stopped. Progress is saved.')
  await expect(card(page)).toContainText('17 MB of 36 MB, paused')

  await cdp.send('Storage.overrideQuotaForOrigin', { origin: site.url })
  site.hub.bytesPerSecond = Infinity
  await button(page, 'Resume').click()
  await expect(status(page)).toContainText('Ready. All files were verified.', { timeout: 30_000 })
})

test('explains a rejected download, retries it, and leaves nothing after a cancel', async ({ page, site }) => {
  site.hub.status = 403
  await startDownload(page)
  const notice = card(page).getByRole('alert')
  await expect(notice).toContainText('The server denied access to this file.')
  await expect(notice).toContainText(`${FILE} could not be fetched`)
  site.hub.status = null
  site.hub.bytesPerSecond = 12e6
  await button(page, /^Download|^Resume/).click()
  await expect(notice).toBeHidden()
  await expect.poll(() => site.hub.requested.some(({ start }) => start === CHUNK_BYTES)).toBe(true)
  await button(page, 'Cancel').click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel and delete' }).click()
  await expect(button(page, /^Download 40 MB/)).toBeVisible()
  await page.reload()
  await expect(button(page, /^Download 40 MB/)).toBeVisible()
})

test('works with the keyboard alone, and never loses the focus', async ({ page, site }) => {
  site.hub.bytesPerSecond = 12e6
  await button(page, /^Download/).focus()
  await page.keyboard.press('Enter')
  await expect(page.getByRole('dialog')).toBeVisible()
  await page.getByRole('button', { name: 'Accept and download' }).focus()
  await page.keyboard.press('Enter')
  await expect(button(page, 'Pause')).toBeFocused()
  await expect(page.getByRole('radio', { name: ENCODER }), 'the encoder cannot change during a download').toBeDisabled()
  await page.keyboard.press('Space')
  await expect(button(page, 'Resume')).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(button(page, 'Delete')).toBeFocused()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Escape')
  await expect(button(page, 'Delete')).toBeFocused()
})

test('applies a text encoder to all models, and keeps it after a reload', async ({ page }) => {
  await page.getByRole('radio', { name: 'T5 XXL encoder, GGUF Q4_K_M' }).check()
  await expect(button(page, /^Download 2\.9 GB/)).toBeVisible()
  await page.reload()
  await expect(page.getByRole('radio', { name: 'T5 XXL encoder, GGUF Q4_K_M' })).toBeChecked()
})

test('uses the starter if the selected model is not downloaded', async ({ page, site }) => {
  await page.evaluate(() => localStorage.setItem('kinora.model', '"ltxv-2b-0.9.8-distilled"'))
  await page.reload()
  await expect(card(page, 'Kinora Starter')).toContainText('In use')
  await page.goto(`${site.url}/#/create`)
  await expect(page.getByRole('heading', { name: 'Settings', exact: true })).toBeVisible()
})

test('saves the address of a mirror, and rejects one that does not start with https:', async ({ page, site }) => {
  await page.goto(`${site.url}/#/settings`)
  const address = page.getByRole('textbox', { name: 'Mirror address' })
  await expect(address).toHaveValue(ModelHub.url(site.url))
  await address.fill('http://mirror.example/')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('alert')).toContainText('it must start with https:')
  await expect(address).toHaveAttribute('aria-invalid', 'true')
  await address.fill('https://mirror.example/models')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('status', { name: 'Mirror' })).toContainText('Saved.')
  await expect(address).toHaveValue('https://mirror.example/models/')
  expect(await page.evaluate(() => localStorage.getItem('kinora.mirror'))).toBe('"https://mirror.example/models/"')
  await address.fill('')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('status', { name: 'Mirror' })).toContainText('Models are downloaded from huggingface.co.')
})

for (const [theme, width] of [
  ['dark', 390],
  ['light', 1280],
] as const) {
  test(`has no accessibility faults while downloading, paused or rejected, ${theme}, ${width} pixels wide`, async ({ page, site }) => {
    await page.setViewportSize({ width, height: 844 })
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
    const check = async (when: string) => {
      await expectAccessible(page, when)
      const theme = await page.getByRole('button', { name: /^Switch to/ }).boundingBox()
      expect((theme?.x ?? width) + (theme?.width ?? 0), `${when}: the header fits`).toBeLessThanOrEqual(width)
    }
    site.hub.bytesPerSecond = 12e6
    await button(page, /^Download/).click()
    await check('licenses')
    await page.getByRole('button', { name: 'Accept and download' }).click()
    await expect(status(page)).toContainText('Downloading')
    await check('downloading')
    await button(page, 'Pause').click()
    await expect(status(page)).toContainText('Paused')
    site.hub.status = 401
    await button(page, 'Resume').click()
    await expect(card(page).getByRole('alert')).toContainText('The server requires a login.')
    await check('rejected')
  })
}

test('estimates generation times on request, and keeps them after a reload', async ({ page }) => {
  const times = page.getByRole('group', { name: 'Generation times of Kinora Starter' })
  await expect(times.getByRole('button')).toHaveText('Estimate generation time')
  await expect(page.getByRole('group', { name: `Generation times of ${MODEL}` }).getByRole('button')).toBeVisible()
  await times.getByRole('button').click()
  await expect(times).toContainText(/128 × 128, [\d.]+ s\s*about .+/, { timeout: 120_000 })
  expect(await page.evaluate(() => window.kinora!.gpuBuffers()), 'all GPU memory is freed').toEqual({ live: 0, weights: 0 })
  await page.reload()
  await expect(times).toContainText(/about .+/)
  const { violations } = await new AxeBuilder({ page }).include('article').analyze()
  expect(violations).toEqual([])
})

test('verifies the starter, and names its damaged file', async ({ page }) => {
  const starter = page.getByRole('article', { name: 'Kinora Starter' })
  await starter.getByRole('button', { name: 'Verify' }).click()
  await expect(page.getByRole('status', { name: 'Status of Kinora Starter' })).toHaveText('Ready. All files were verified.')
  await page.context().route('**/models/starter/vae/config.json', async (route) => {
    const body = await (await route.fetch()).body()
    body[0] = 0x20
    await route.fulfill({ body })
  })
  await starter.getByRole('button', { name: 'Verify' }).click()
  await expect(starter.getByRole('alert')).toContainText('vae/config.json')
})
