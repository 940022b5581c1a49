// Cancel answers within one step, and nothing of the job stays on the GPU.
import { CLIP_MS, expect, generate, openWith, reachStep, smallClip, test } from './app'

test('cancel stops within a step and frees what the job held', async ({ page, app }) => {
  const request = smallClip(app.starter, { steps: app.starter.steps.max })
  await openWith(page, app.url, request)
  const progress = page.getByRole('status', { name: 'Progress' })

  await page.getByRole('button', { name: 'Generate', exact: true }).click()
  await reachStep(page, 2)
  const secondStepAt = Date.now()
  await reachStep(page, 3)
  const stepMs = Date.now() - secondStepAt

  const askedAt = Date.now()
  await page.keyboard.press('Escape')
  await expect(progress).toHaveText('Cancelled. Nothing was kept.', { timeout: CLIP_MS })
  const answeredMs = Date.now() - askedAt
  expect(answeredMs, `a step takes ${stepMs} ms`).toBeLessThan(1.5 * stepMs + 1000)

  const buffers = await page.evaluate(() => window.kinora!.gpuBuffers())
  expect(buffers.live).toBe(buffers.weights)
  await page.getByRole('link', { name: 'Library' }).click()
  await expect(page.getByText('No clips yet.')).toBeVisible()
})

test('after success only weights are left on the GPU, and the next job makes no more of them', async ({ page, app }) => {
  await page.goto(app.url)
  const request = smallClip(app.starter)
  await generate(page, request)
  const first = await page.evaluate(() => window.kinora!.gpuBuffers())
  expect(first.live).toBe(first.weights)
  await generate(page, { ...request, seed: 8 })
  expect(await page.evaluate(() => window.kinora!.gpuBuffers())).toEqual(first)
})

test('a request outside what the model allows is refused with expected and got, and leaves nothing behind', async ({ page, app }) => {
  await page.goto(app.url)
  const request = smallClip(app.starter)
  await generate(page, request)
  const before = await page.evaluate(() => window.kinora!.gpuBuffers())
  const result = await page.evaluate((what) => window.kinora!.generate(what), { ...request, width: request.width + 1 })
  expect(result).toMatchObject({ ok: false, error: { code: 'bad-request', details: { got: `${request.width + 1}×${request.height}` } } })
  expect(await page.evaluate(() => window.kinora!.gpuBuffers())).toEqual(before)
})
