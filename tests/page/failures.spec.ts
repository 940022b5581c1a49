// Failures: each is reported with its cause and a way out, and loses nothing else. Their causes in the engine: tests/e2e/failures.spec.ts
import { CLIP_MS, expect, openWith, reachStep, smallClip, test } from '../e2e/app'
import { follow } from './scripted'
import type { ErrorData } from '../../src/shared/errors'
import { generateButton, progress } from '../e2e/locators'

const WEIGHTS = 'transformer/diffusion_pytorch_model.safetensors'
const error = (code: ErrorData['code'], message: string, details: ErrorData['details'] = {}): ErrorData => ({ code, message, details })

const FAULTS: { fault: ErrorData; title: string; facts: string[] }[] = [
  {
    fault: error('weights-missing', `${WEIGHTS}: expected a file, got status 404.`, { file: WEIGHTS, found: 'status 404' }),
    title: 'A model file is missing.',
    facts: [WEIGHTS, '404'],
  },
  {
    fault: error('weights-truncated', `${WEIGHTS}: expected 200 bytes, got 100.`, { file: WEIGHTS, expected: 200, found: 100 }),
    title: 'A model file is incomplete.',
    facts: [WEIGHTS, '200', '100'],
  },
  {
    fault: error('weights-corrupt', `${WEIGHTS}: expected the SHA-256 beef, got f00d.`, { file: WEIGHTS, expected: 'beef', found: 'f00d' }),
    title: 'A model file is corrupted.',
    facts: [WEIGHTS, 'beef'],
  },
]

for (const { fault, title, facts } of FAULTS) {
  test(`reports ${fault.code} with its facts, and Retry works once it is fixed`, async ({ page, app }) => {
    await openWith(page, app.url, smallClip(app.starter))
    await follow(page, { fail: { error: fault, atStep: 0, times: 1 } })
    await generateButton(page).click()
    const notice = page.getByRole('alert').filter({ hasText: title })
    await expect(notice).toBeVisible()
    for (const fact of facts) await expect(notice).toContainText(fact)
    await page.getByRole('button', { name: 'Retry' }).click()
    await expect(progress(page)).toHaveText('Done.', { timeout: CLIP_MS })
  })
}

test('names a damaged kinora.json, and Retry works once it is fixed', async ({ page, app }) => {
  app.damage('kinora.json', 'truncated')
  try {
    await page.goto(app.url)
    const notice = page.getByRole('alert').filter({ hasText: 'A model file is corrupted.' })
    await expect(notice).toContainText('kinora.json')
    await expect(generateButton(page)).toBeDisabled()
  } finally {
    app.repair()
  }
  await page.getByRole('button', { name: 'Retry' }).click()
  await expect(page.getByRole('heading', { name: 'Settings', exact: true })).toBeVisible()
})

test('plays and downloads a clip that could not be saved, with a notice', async ({ page, app }) => {
  const request = smallClip(app.starter)
  await openWith(page, app.url, request)
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: app.url, quotaSize: 1 })
  await generateButton(page).click()
  await expect(page.getByRole('alert').filter({ hasText: 'This clip was not saved to Library.' })).toBeVisible({ timeout: CLIP_MS })
  await expect(page.getByText('storage is full')).toBeVisible()

  const video = page.getByLabel(`Clip: ${request.prompt}`)
  await expect.poll(() => video.evaluate((element: HTMLVideoElement) => element.videoWidth)).toBe(request.width)
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download' }).click()
  expect(await (await waiting).failure()).toBeNull()

  await cdp.send('Storage.overrideQuotaForOrigin', { origin: app.url })
  await page.getByRole('link', { name: 'Library' }).first().click()
  await expect(page.getByText('No clips yet.')).toBeVisible()
})

test('fails the job with its reason if the GPU device is lost, and Retry works without a reload', async ({ page, app }) => {
  const request = smallClip(app.starter, { steps: app.starter.steps.max })
  await openWith(page, app.url, request)
  await follow(page, { stepMs: 300, fail: { error: error('device-lost', 'The GPU process crashed.'), atStep: 2, times: 1 } })
  await generateButton(page).click()
  await reachStep(page, 1)
  const notice = page.getByRole('alert').filter({ hasText: 'The GPU stopped responding during generation.' })
  await expect(notice).toBeVisible({ timeout: 30_000 })

  await follow(page, { stepMs: 300 })
  await page.evaluate(() => Object.assign(window, { sameDocument: true }))
  await notice.getByRole('button', { name: 'Retry' }).click()
  await reachStep(page, 2)
  expect(await page.evaluate(() => 'sameDocument' in window)).toBe(true)
  await page.keyboard.press('Escape')
  await expect(progress(page)).toHaveText('Canceled. Nothing was saved.', { timeout: CLIP_MS })
})

test('explains how to enable a GPU if there is none, and still opens the library', async ({ page, app }) => {
  await page.goto(app.url)
  await follow(page, { noGpu: error('no-adapter', 'No GPU answers.') })
  await page.reload()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('No GPU was found.')
  await expect(page.getByText('Chrome and Edge 113')).toBeVisible()
  await page.getByRole('link', { name: 'Open Library' }).click()
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('Library')
  await expect(page.getByText('No clips yet.')).toBeVisible()
})
