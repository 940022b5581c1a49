// `test` with one page that stays open: the generate worker, its model and its kernels are warm from the second clip on. What a test leaves
// in storage is cleared before the next. For tests that speak to window.kinora; those of the form open pages of their own.
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

/** Deletes the library, checkpoints and assets. Files that a worker has open are for the next time. */
async function clearStorage(page: Page): Promise<void> {
  await page.evaluate(async () => {
    localStorage.clear()
    // opening would make an empty one of a database that is not there yet
    const there = (await indexedDB.databases()).some(({ name }) => name === 'kinora')
    const open = indexedDB.open(there ? 'kinora' : 'kinora-none')
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

/** The smallest request that exercises a clip's whole way: 64 × 64, 9 frames, 2 steps. */
export function tinyClip({ starter }: App, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  return smallClip(starter, { width: 64, height: 64, ...changes })
}

/** Width of the starter's text encoder. */
const EMBED_WIDTH = 128

/** Embeddings in place of the text encoder's, which takes longer than the clip: any do where the words are not the matter. */
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

/** Acts on a job from within the page, as soon as an event says so. */
export interface Reaction {
  /** of the first event with all of these values */
  at: Partial<Pick<JobProgress, 'stage' | 'step' | 'piece'>>
  act: 'cancel' | 'finishEarly'
}

/** Runs a job under an id, with its progress events and when they came (ms), and when the reaction was asked for. */
export function runJob(
  page: Page,
  request: GenerateRequest,
  id: string,
  reaction?: Reaction,
  embeds = anyEmbeds(),
): Promise<{ result: AutomationResult; events: (JobProgress & { atMs: number })[]; askedMs: number; endedMs: number }> {
  return page.evaluate(
    async ([what, checkpoint, react, given]) => {
      const events: (JobProgress & { atMs: number })[] = []
      let askedMs = 0
      const result = await window.kinora!.generate(what, { checkpoint, embeds: given }, (event) => {
        events.push({ ...event, atMs: performance.now() })
        if (!react || askedMs > 0 || !Object.entries(react.at).every(([key, value]) => event[key as keyof JobProgress] === value)) return
        askedMs = performance.now()
        void window.kinora![react.act](checkpoint)
      })
      return { result, events, askedMs, endedMs: performance.now() }
    },
    [request, id, reaction, embeds] as const,
  )
}
