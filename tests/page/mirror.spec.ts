// The user's mirror: blocked by the page's policy until it is set, allowed after the next reload, and no other origin with it.
import type { Page } from '@playwright/test'
import { expect, test } from '../e2e/app'
import { OPEN_TO_ALL, serveModel } from '../e2e/model-server'

test.use({ serviceWorkers: 'allow' })

/** Whether the page may read from an address. */
const mayRead = (page: Page, url: string) =>
  page.evaluate(
    (address) =>
      fetch(address).then(
        (response) => response.ok,
        () => false,
      ),
    url,
  )

/** Sets the mirror as the page does. @returns the service worker's reply */
function setMirror(page: Page, url: string | null): Promise<string> {
  return page.evaluate(async (address) => {
    const { active } = await navigator.serviceWorker.ready
    const { port1, port2 } = new MessageChannel()
    const answer = new Promise<string>((done) => (port1.onmessage = ({ data }: MessageEvent<{ type: string }>) => done(data.type)))
    active!.postMessage({ type: 'set-mirror', url: address }, [port2])
    return answer
  }, url)
}

for (const host of ['with headers', 'without headers'] as const) {
  test(`allows a mirror after it is set and the page is reloaded, on a host ${host}`, async ({ page, serve, elsewhere }) => {
    const [mirror, other] = await Promise.all([serveModel(Buffer.from('model')), serveModel(Buffer.from('other'))])
    const server = await serve([
      {
        name: 'kinora:no-policy-header',
        configurePreviewServer({ middlewares }) {
          middlewares.use((_, response, next) => {
            const set = response.setHeader.bind(response)
            if (host === 'without headers') response.setHeader = (name, value) => (/^content-security/i.test(name) ? response : set(name, value))
            next()
          })
        },
      },
    ])
    try {
      await page.goto(server.url)
      expect(await mayRead(page, mirror.url), 'blocked by the policy').toBe(false)
      expect(await setMirror(page, mirror.url)).toBe('mirror-set')
      await page.reload()
      expect(await mayRead(page, mirror.url)).toBe(true)
      expect(await mayRead(page, other.url)).toBe(false)
      // a worker's policy comes from its own script
      const workers = await page.evaluate(async () => {
        const cache = await caches.open('kinora-engine')
        await navigator.serviceWorker.ready
        const [script] = (await cache.keys()).map(({ url }) => url).filter((url) => url.endsWith('.js'))
        return script ? (await fetch(script)).headers.get('content-security-policy') : 'no script is cached'
      })
      expect(workers).toContain(new URL(mirror.url).origin)

      expect(await setMirror(page, null)).toBe('mirror-set')
      await page.reload()
      expect(await mayRead(page, mirror.url)).toBe(false)
      // the test's own requests, which the policy had to block
      expect(elsewhere.splice(0).length).toBeGreaterThan(0)
    } finally {
      await Promise.all([server.close(), mirror.close(), other.close()])
    }
  })
}

test('ignores a mirror that would add more than an origin to the policy', async ({ page, app, elsewhere }) => {
  const open = await serveModel(Buffer.from('model'))
  open.instead = (_, response) => void response.writeHead(200, OPEN_TO_ALL).end('x')
  try {
    await page.goto(app.url)
    await setMirror(page, `https://a;connect-src ${open.url}`)
    await page.reload()
    expect(await mayRead(page, open.url)).toBe(false)
    const policy = await page.evaluate(async () => (await fetch('/')).headers.get('content-security-policy'))
    expect(policy).not.toContain(new URL(open.url).host)
    // the test's own request, which the policy had to block
    expect(elsewhere.splice(0).length).toBeGreaterThan(0)
  } finally {
    await open.close()
  }
})
