// Bad days: each says what happened, loses nothing else, and offers the way out.
import { chromiumFlags, findChromium } from '../e2e/browser'
import { CLIP_MS, expect, openWith, reachStep, smallClip, test } from '../e2e/app'
import type { Damage } from '../e2e/app'

const WEIGHTS = 'transformer/diffusion_pytorch_model.safetensors'

const FAULTS: { damage: Damage; title: string; facts: (expected: { bytes: number; sha256: string }) => string[] }[] = [
  { damage: 'missing', title: 'A file of the model is missing.', facts: () => [WEIGHTS, '404'] },
  { damage: 'truncated', title: 'A file of the model is incomplete.', facts: ({ bytes }) => [WEIGHTS, String(bytes), String(Math.floor(bytes / 2))] },
  { damage: 'corrupt', title: 'A file of the model is damaged.', facts: ({ sha256 }) => [WEIGHTS, sha256] },
]

for (const { damage, title, facts } of FAULTS) {
  test(`a ${damage} weight file is named with what was expected and found, and Retry works once it is right`, async ({ page, app }) => {
    await openWith(page, app.url, smallClip(app.starter))
    app.damage(WEIGHTS, damage)
    try {
      await page.getByRole('button', { name: 'Generate', exact: true }).click()
      const notice = page.getByRole('alert').filter({ hasText: title })
      await expect(notice).toBeVisible({ timeout: CLIP_MS })
      for (const fact of facts(app.starter.files.find(({ path }) => path === WEIGHTS)!)) await expect(notice).toContainText(fact)
      const buffers = await page.evaluate(() => window.kinora!.gpuBuffers())
      expect(buffers.live, 'nothing half-loaded stays').toBe(buffers.weights)
    } finally {
      app.repair()
    }
    await page.getByRole('button', { name: 'Retry' }).click()
    await expect(page.getByRole('status', { name: 'Progress' })).toHaveText('Done.', { timeout: CLIP_MS })
  })
}

test('a damaged kinora.json is named, and Retry works', async ({ page, app }) => {
  app.damage('kinora.json', 'truncated')
  try {
    await page.goto(app.url)
    const notice = page.getByRole('alert').filter({ hasText: 'A file of the model is damaged.' })
    await expect(notice).toContainText('kinora.json')
    await expect(page.getByRole('button', { name: 'Generate', exact: true })).toBeDisabled()
  } finally {
    app.repair()
  }
  await page.getByRole('button', { name: 'Retry' }).click()
  await expect(page.getByRole('heading', { name: 'Settings', exact: true })).toBeVisible()
})

test('with storage full the clip still plays and downloads, with a notice', async ({ page, app }) => {
  const request = smallClip(app.starter)
  await openWith(page, app.url, request)
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: app.url, quotaSize: 1 })
  await page.getByRole('button', { name: 'Generate', exact: true }).click()
  await expect(page.getByRole('alert').filter({ hasText: 'This clip is not in your library.' })).toBeVisible({ timeout: CLIP_MS })
  await expect(page.getByText('no storage left')).toBeVisible()

  const video = page.getByLabel(`The clip: ${request.prompt}`)
  await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.videoWidth)).toBe(request.width)
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download' }).click()
  expect(await (await waiting).failure()).toBeNull()

  await cdp.send('Storage.overrideQuotaForOrigin', { origin: app.url })
  await page.getByRole('link', { name: 'Library' }).first().click()
  await expect(page.getByText('No clips yet.')).toBeVisible()
})

test('a lost GPU device fails the job with its reason, and Retry works without a reload', async ({ page, app, browser }) => {
  const request = smallClip(app.starter, { steps: app.starter.steps.max })
  await openWith(page, app.url, request)
  await page.getByRole('button', { name: 'Generate', exact: true }).click()
  await reachStep(page, 1)

  const cdp = await browser.newBrowserCDPSession()
  // the process that every WebGPU device of this browser lives in; the browser starts another
  await cdp.send('Browser.crashGpuProcess').catch(() => undefined)
  const notice = page.getByRole('alert').filter({ hasText: 'The GPU was lost while the clip was being made.' })
  await expect(notice).toBeVisible({ timeout: 30_000 })

  await page.evaluate(() => Object.assign(window, { sameDocument: true }))
  await notice.getByRole('button', { name: 'Retry' }).click()
  await reachStep(page, 2)
  expect(await page.evaluate(() => 'sameDocument' in window)).toBe(true)
  await page.keyboard.press('Escape')
  await expect(page.getByRole('status', { name: 'Progress' })).toHaveText('Cancelled. Nothing was kept.', { timeout: CLIP_MS })
})

test('without WebGPU the page says so and how to get it; the library still opens', async ({ app, playwright }) => {
  const browser = await playwright.chromium.launch({ executablePath: findChromium(), args: chromiumFlags('none') })
  try {
    const page = await browser.newPage()
    await page.goto(app.url)
    await expect(page.getByRole('heading', { level: 1 })).toHaveText(/This browser has no WebGPU\.|no GPU answers/)
    await expect(page.getByText('Chrome and Edge 113')).toBeVisible()
    await expect(page.getByText('chrome://flags/#enable-unsafe-webgpu')).toBeVisible()
    await page.getByRole('link', { name: 'Open the library' }).click()
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('Library')
    await expect(page.getByText('No clips yet.')).toBeVisible()
  } finally {
    await browser.close()
  }
})
