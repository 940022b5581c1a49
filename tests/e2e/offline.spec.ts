// One visit is enough to generate without a network.
import type { Page } from '@playwright/test'
import { expect, generate, smallClip, test } from './app'

test.use({ serviceWorkers: 'allow' })

/** Waits until the service worker reports that all files are cached. */
async function waitUntilOfflineReady(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const ready = new Promise<void>((done) => {
      navigator.serviceWorker.addEventListener('message', ({ data }: MessageEvent<{ type: string }>) => {
        if (data.type === 'offline-ready') done()
      })
    })
    const registration = await navigator.serviceWorker.ready
    registration.active?.postMessage({ type: 'prepare-offline' })
    await ready
  })
}

test('opens and generates offline after one visit', { tag: '@smoke' }, async ({ page, app, context, serve }) => {
  // a server of its own, because the test stops it
  const server = await serve()
  await page.goto(server.url)
  await waitUntilOfflineReady(page)
  await server.close()
  await context.setOffline(true)

  await page.reload()
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible()
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  const { report, id } = await generate(page, smallClip(app.starter))
  expect(report.framesSha256).toMatch(/^[0-9a-f]{64}$/)
  expect(id).not.toBeNull()
  await page.reload()
  await page.getByRole('link', { name: 'Library' }).click()
  await expect(page.getByRole('link', { name: 'a red sky at sunset' })).toBeVisible()
})
