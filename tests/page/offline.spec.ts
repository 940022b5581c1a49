// The service worker: isolation on any host, and a new version that waits for Reload. Generating offline: tests/e2e/offline.spec.ts
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '../e2e/app'

test.use({ serviceWorkers: 'allow' })

test('isolates the page on a host without headers from the second visit on', async ({ page, serve }) => {
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

test('activates a new version only when the user presses Reload', async ({ page, build, serve }) => {
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
    await expect(updates).toContainText('A new version is available.')
    await page.evaluate(() => Object.assign(window, { oldDocument: true }))
    const reloaded = page.waitForEvent('load')
    await updates.getByRole('button', { name: 'Reload' }).click()
    await reloaded
    expect(await page.evaluate(() => 'oldDocument' in window)).toBe(false)
    await expect(updates).not.toContainText('A new version is available.')
  } finally {
    await server.close()
    rmSync(folder, { recursive: true })
  }
})
