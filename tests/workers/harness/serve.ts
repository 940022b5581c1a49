// Serves the harness that build.ts builds, with the model folder of a test under /models/.
import { test as base } from '@playwright/test'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import { preview } from 'vite'
import { contentSecurityPolicy } from '../../../src/shared/site-headers'

type ModelHandler = (request: IncomingMessage, response: ServerResponse) => void

/** A running harness. */
export interface HarnessServer {
  /** origin of the page, ending in / */
  url: string
  /** answers requests under /models/ */
  serveModels(handler: ModelHandler): void
  /** pages opened from now on may read from this mirror too, as after the service worker's reply */
  allowMirror(url: string | null): void
}

const configFile = fileURLToPath(new URL('./vite.config.ts', import.meta.url))

/** `test` with the harness page open. */
export const test = base.extend<{ openHarness: void }, { harness: HarnessServer }>({
  harness: [
    async ({}, use) => {
      let handler: ModelHandler = (_, response) => response.writeHead(404).end()
      let mirror: string | null = null
      const server = await preview({
        configFile,
        preview: { port: 0, host: '127.0.0.1' },
        plugins: [
          {
            name: 'kinora:test-models',
            configurePreviewServer({ middlewares }) {
              middlewares.use((_, response, next) => {
                const set = response.setHeader.bind(response)
                response.setHeader = (name, value) => set(name, /^content-security-policy$/i.test(name) ? contentSecurityPolicy({ mirror }) : value)
                next()
              })
              middlewares.use('/models/', (request, response) => handler(request, response))
            },
          },
        ],
      })
      const address = server.httpServer.address()
      if (typeof address !== 'object' || !address) throw new Error('The harness has no address.')
      await use({ url: `http://127.0.0.1:${address.port}/`, serveModels: (next) => (handler = next), allowMirror: (url) => (mirror = url) })
      await server.close()
    },
    { scope: 'worker' },
  ],
  openHarness: [
    async ({ page, harness }, use) => {
      await page.goto(harness.url)
      await use()
    },
    { auto: true },
  ],
})

export { expect } from '@playwright/test'
