// Failures of the real engine: each is found before a clip is generated, reported with the expected and found values, and
// leaves nothing on the GPU. How the page reports each: tests/page/failures.spec.ts
import { chromiumFlags, findChromium } from './browser'
import { CLIP_MS, expect, openWith, reachStep, smallClip, test } from './app'
import type { Damage } from './app'
import { generateButton, progress } from './locators'

const WEIGHTS = 'transformer/diffusion_pytorch_model.safetensors'

test('names a damaged weight file with expected and found values, and Retry works afterwards', async ({ page, app }) => {
  const expected = app.starter.files.find(({ path }) => path === WEIGHTS)!
  await openWith(page, app.url, smallClip(app.starter, { width: 64, height: 64 }))
  const faults: [Damage, string, string[]][] = [
    ['missing', 'A model file is missing.', ['404']],
    ['truncated', 'A model file is incomplete.', [String(expected.bytes), String(Math.floor(expected.bytes / 2))]],
    ['corrupt', 'A model file is corrupted.', [expected.sha256]],
  ]
  try {
    for (const [damage, title, facts] of faults) {
      app.damage(WEIGHTS, damage)
      await page
        .getByRole('button', { name: /^(Generate|Retry)$/ })
        .first()
        .click()
      const notice = page.getByRole('alert').filter({ hasText: title })
      await expect(notice).toBeVisible({ timeout: CLIP_MS })
      for (const fact of [WEIGHTS, ...facts]) await expect(notice).toContainText(fact)
      const buffers = await page.evaluate(() => window.kinora!.gpuBuffers())
      expect(buffers.live, 'partly loaded weights are freed').toBe(buffers.weights)
    }
  } finally {
    app.repair()
  }
  await page.getByRole('button', { name: 'Retry' }).click()
  await expect(progress(page)).toHaveText('Done.', { timeout: CLIP_MS })
})

test('fails the job with its reason if the GPU device is lost, and Retry works without a reload', async ({ page, app, browser }) => {
  const request = smallClip(app.starter, { width: 64, height: 64, steps: app.starter.steps.max })
  await openWith(page, app.url, request)
  await generateButton(page).click()
  await reachStep(page, 1)

  const cdp = await browser.newBrowserCDPSession()
  // the process of all WebGPU devices of this browser; the browser starts another
  await cdp.send('Browser.crashGpuProcess').catch(() => undefined)
  const notice = page.getByRole('alert').filter({ hasText: 'The GPU stopped responding during generation.' })
  await expect(notice).toBeVisible({ timeout: 30_000 })

  await page.evaluate(() => Object.assign(window, { sameDocument: true }))
  await notice.getByRole('button', { name: 'Retry' }).click()
  await reachStep(page, 2)
  expect(await page.evaluate(() => 'sameDocument' in window)).toBe(true)
  await page.keyboard.press('Escape')
  await expect(progress(page)).toHaveText('Canceled. Nothing was saved.', { timeout: CLIP_MS })
})

test('explains how to get WebGPU if there is none, and still opens the library', async ({ app, playwright }) => {
  const browser = await playwright.chromium.launch({ executablePath: findChromium(), args: chromiumFlags('none') })
  try {
    const page = await browser.newPage()
    await page.goto(app.url)
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(/This browser does not support WebGPU\.|No GPU was found\./)
    await expect(page.getByText('Chrome and Edge 113')).toBeVisible()
    await expect(page.getByText('chrome://flags/#enable-unsafe-webgpu')).toBeVisible()
    await page.getByRole('link', { name: 'Open Library' }).click()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Library')
    await expect(page.getByText('No clips yet.')).toBeVisible()
  } finally {
    await browser.close()
  }
})
