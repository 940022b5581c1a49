// The service worker: one visit is enough to generate without a network, and a new version waits to be asked.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { expect, generate, smallClip, test } from '../e2e/app'

test.use({ serviceWorkers: 'allow' })

/** Until the service worker says that everything is here. */
async function untilOfflineReady(page: Page): Promise<void> {
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

test('after one visit, with the server gone, the page opens and generates', async ({ page, app, context, serve }) => {
  // a server of its own, so that stopping it takes nothing from the other tests
  const server = await serve()
  await page.goto(server.url)
  await untilOfflineReady(page)
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

test('a static host without headers is isolated from the second visit on', async ({ page, serve }) => {
  const server = await serve([
    {
      name: 'kinora:no-headers',
      configurePreviewServer({ middlewares }) {
        middlewares.use((_, response, next) => {
          const set = response.setHeader.bind(response)
          response.setHeader = (name, value) => (/^(cross-origin|content-security)/i.test(name) ? response : set(name, value))
          const writeHead = response.writeHead.bind(response)
          response.writeHead = ((status: number, headers?: Record<string, string>) => {
            const kept = Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !/^(cross-origin|content-security)/i.test(name)))
            return writeHead(status, kept)
          }) as typeof response.writeHead
          next()
        })
      },
    },
  ])
  try {
    await page.goto(server.url)
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(false)
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
    await page.reload()
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  } finally {
    await server.close()
  }
})

test('a new version waits until it is asked for, then the page reloads into it', async ({ page, build, serve }) => {
  const folder = mkdtempSync(join(tmpdir(), 'kinora-'))
  cpSync(build, folder, { recursive: true, filter: (path) => !path.includes('/models/') })
  const server = await serve([], folder)
  try {
    await page.goto(server.url)
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined))
    await page.reload()
    await expect.poll(() => page.evaluate(() => navigator.serviceWorker.controller !== null)).toBe(true)

    const file = join(folder, 'service-worker.js')
    writeFileSync(file, `${readFileSync(file, 'utf8')}\n// another version`)
    await page.evaluate(async () => {
      const registration = await navigator.serviceWorker.ready
      await registration.update()
    })
    const updates = page.getByRole('status', { name: 'Updates' })
    await expect(updates).toContainText('A new version is ready.')
    await page.evaluate(() => Object.assign(window, { oldDocument: true }))
    const reloaded = page.waitForEvent('load')
    await updates.getByRole('button', { name: 'Reload' }).click()
    await reloaded
    expect(await page.evaluate(() => 'oldDocument' in window)).toBe(false)
    await expect(updates).not.toContainText('A new version is ready.')
  } finally {
    await server.close()
    rmSync(folder, { recursive: true })
  }
})
