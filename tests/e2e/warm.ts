// `test` with one page that stays open: the generate worker, its model and its kernels are warm from the second clip on. Storage
// is cleared before each test. For tests that call window.kinora; those of the form open pages of their own.
import type { BrowserContext, Page } from '@playwright/test'
import type { AutomationOptions, AutomationResult } from '../../src/rpc/automation'
import type { JobProgress } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import { test as base, expect, smallClip, type App, type AppOptions } from './app'

export { expect }

export const test = base.extend<{ page: Page; context: BrowserContext }, AppOptions & { warm: { context: BrowserContext; page: Page } }>({
  warm: [
    async ({ browser, app }, use) => {
      const context = await browser.newContext({ serviceWorkers: 'block', viewport: { width: 1280, height: 800 } })
      const page = await context.newPage()
      await page.goto(app.url)
      await use({ context, page })
      await context.close()
    },
    { scope: 'worker' },
  ],
  context: async ({ warm }, use) => use(warm.context),
  page: async ({ warm, app }, use) => {
    if (!warm.page.url().startsWith(app.url)) await warm.page.goto(app.url)
    await clearStorage(warm.page)
    await use(warm.page)
  },
})

/** Deletes the library, checkpoints and assets. Files that a worker has open are deleted the next time. */
async function clearStorage(page: Page): Promise<void> {
  await page.evaluate(async () => {
    localStorage.clear()
    // opening a missing database would create an empty one
    const exists = (await indexedDB.databases()).some(({ name }) => name === 'kinora')
    const open = indexedDB.open(exists ? 'kinora' : 'kinora-none')
    await new Promise((done) => (open.onsuccess = done))
    const { result } = open
    if (result.objectStoreNames.contains('clips')) {
      const names = [...result.objectStoreNames]
      const transaction = result.transaction(names, 'readwrite')
      for (const name of names) transaction.objectStore(name).clear()
      await new Promise((done) => (transaction.oncomplete = done))
    }
    result.close()
    const root = await navigator.storage.getDirectory()
    for (const name of ['clips', 'jobs', 'assets']) await root.removeEntry(name, { recursive: true }).catch(() => undefined)
  })
}

/** The smallest request that runs every stage of a clip: 64 × 64, 9 frames, 2 steps. */
export function tinyClip({ starter }: App, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return smallClip(starter, { width: 64, height: 64, ...changes })
}

/** Width of the starter's text encoder. */
const EMBED_WIDTH = 128

/** Embeds in place of the text encoder's, which takes longer than the clip: any serve where the prompt does not matter. */
export function anyEmbeds(seed = 1): NonNullable<AutomationOptions['embeds']> {
  const floats = (from: number) => {
    let state = from
    return Float32Array.from({ length: 6 * EMBED_WIDTH }, () => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0
      return state / 2 ** 31 - 1
    })
  }
  const base64 = (values: Float32Array) => Buffer.from(values.buffer).toString('base64')
  return { prompt: base64(floats(seed)), negative: base64(floats(seed + 1)), width: EMBED_WIDTH }
}

/** Acts on a job from within the page as soon as an event occurs. */
export interface Reaction {
  /** of the first event with all of these values */
  at: Partial<Pick<JobProgress, 'stage' | 'step' | 'piece'>>
  act: 'cancel' | 'finishEarly'
}

/** Runs a job under an id. @returns its progress events with their times, and the times of the reaction and of the end (ms) */
export function runJob(
  page: Page,
  request: GenerateRequest,
  id: string,
  reaction?: Reaction,
  embeds = anyEmbeds(),
): Promise<{ result: AutomationResult; events: (JobProgress & { atMs: number })[]; requestedMs: number; endedMs: number }> {
  return page.evaluate(
    async ([what, checkpoint, react, given]) => {
      const events: (JobProgress & { atMs: number })[] = []
      let requestedMs = 0
      const result = await window.kinora!.generate(what, { checkpoint, embeds: given }, (event) => {
        events.push({ ...event, atMs: performance.now() })
        if (!react || requestedMs > 0 || !Object.entries(react.at).every(([key, value]) => event[key as keyof JobProgress] === value)) return
        requestedMs = performance.now()
        void window.kinora![react.act](checkpoint)
      })
      return { result, events, requestedMs, endedMs: performance.now() }
    },
    [request, id, reaction, embeds] as const,
  )
}
