// `test` with the production build served, and a page that watches its requests.
import { test as base } from '@playwright/test'
import type { Page } from '@playwright/test'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'vite'
import { dist } from '../../scripts/build.mjs'
import { serveBuild } from '../../scripts/serve.mjs'
import type { AutomationOptions, AutomationResult } from '../../src/rpc/automation'
import { parseManifest } from '../../src/shared/model'
import type { ModelManifest } from '../../src/shared/model'
import type { ClipRecord } from '../../src/shared/record'
import type { GenerateRequest } from '../../src/shared/request'

/** How long a small clip may take on a busy machine without a GPU, from a cold start. */
export const CLIP_MS = 300_000

/** What is wrong with a served file. */
export type Damage = 'missing' | 'truncated' | 'corrupt'

export interface App {
  /** origin, without a slash at its end */
  url: string
  /** the starter's own manifest */
  starter: ModelManifest
  /** serves a file of the starter in this state from now on */
  damage(path: string, damage: Damage): void
  /** serves every file as it is again */
  repair(): void
}

/** A served build. */
export interface Site {
  /** origin, without a slash at its end */
  url: string
  close(): Promise<void>
}

export interface AppOptions {
  /** served folder: the production build, or the same with the scripted generator in place of the generate worker */
  build: string
  /** serves a folder (by default the build) with more routes on a port of its own; closed with the test's worker at the latest */
  serve(plugins?: Plugin[], folder?: string): Promise<Site>
  app: App
}

export const test = base.extend<{ elsewhere: string[] }, AppOptions>({
  build: [dist, { option: true, scope: 'worker' }],

  serve: [
    async ({ build }, use, { parallelIndex }) => {
      const open = new Set<Site>()
      await use(async (plugins = [], folder = build) => {
        // each test worker has ports of its own, so that two workers do not try the same one
        const server = await serveBuild(4400 + 60 * parallelIndex, plugins, folder)
        const site = {
          url: server.url,
          close: async () => {
            if (open.delete(site)) await server.close()
          },
        }
        open.add(site)
        return site
      })
      await Promise.all([...open].map((site) => site.close()))
    },
    { scope: 'worker' },
  ],

  app: [
    async ({ serve, build }, use) => {
      const damaged = new Map<string, Damage>()
      const server = await serve([
        {
          name: 'kinora:damage',
          configurePreviewServer({ middlewares }) {
            middlewares.use('/models/starter/', (request, response, next) => {
              const path = (request.url ?? '').replace(/^\/|\?.*$/g, '')
              const damage = damaged.get(path)
              if (!damage) return next()
              if (damage === 'missing') return response.writeHead(404).end()
              response.setHeader('Cache-Control', 'no-store')
              return response.end(spoil(readFileSync(join(build, 'models/starter', path)), damage))
            })
          },
        },
      ])
      await use({
        url: server.url,
        starter: parseManifest(JSON.parse(readFileSync(join(build, 'models/starter/kinora.json'), 'utf8')), 'kinora.json'),
        damage: (path, damage) => damaged.set(path, damage),
        repair: () => damaged.clear(),
      })
      await server.close()
    },
    { scope: 'worker' },
  ],

  /** Requests to other machines, sent or blocked; each test ends by checking that there are none. */
  elsewhere: [
    async ({ context }, use) => {
      const elsewhere: string[] = []
      context.on('request', (request) => {
        const url = new URL(request.url())
        if (url.protocol.startsWith('http') && url.hostname !== 'localhost') elsewhere.push(url.href)
      })
      // a request that the policy blocks is never sent, but the page tried
      context.on('console', (message) => {
        if (/Content Security Policy/.test(message.text())) elsewhere.push(message.text())
      })
      await use(elsewhere)
      base.expect(elsewhere, 'requests that left the machine').toEqual([])
    },
    { auto: true },
  ],
})

export { expect } from '@playwright/test'

function spoil(bytes: Buffer, damage: Damage): Buffer {
  if (damage === 'truncated') return bytes.subarray(0, Math.floor(bytes.length / 2))
  // one bit in the middle, which only a hash detects
  const copy = Buffer.from(bytes)
  const middle = Math.floor(copy.length / 2)
  copy[middle] = copy[middle]! ^ 1
  return copy
}

/** The cheapest clip that the starter makes: its fewest frames, two steps, no guidance. */
export function smallClip(starter: ModelManifest, changes: Partial<GenerateRequest> = {}): GenerateRequest {
  const [size] = starter.sizes.toSorted((a, b) => a.width * a.height - b.width * b.height)
  return {
    model: starter.id,
    prompt: 'a red sky at sunset',
    width: size?.width ?? 0,
    height: size?.height ?? 0,
    frames: Math.min(...starter.frames.allowed.filter((frames) => frames > 1)),
    fps: starter.fps.default,
    steps: Math.max(2, starter.steps.min),
    guidance: Math.max(1, starter.guidance.min),
    seed: 7,
    ...changes,
  }
}

export type Finished = Extract<AutomationResult, { ok: true }>

/** Makes a clip through the page's scripting interface; a failed job fails the test. */
export async function generate(page: Page, request: GenerateRequest, options: AutomationOptions = {}): Promise<Finished> {
  const result = await page.evaluate(([what, how]) => window.kinora!.generate(what, how), [request, options] as const)
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  return result
}

/** Opens the page with this request as the stored draft of its form. */
export async function openWith(page: Page, url: string, request: GenerateRequest): Promise<void> {
  const { model: _model, negativePrompt = '', ...rest } = request
  await page.addInitScript(
    (draft) => {
      // only if there is no draft yet: a reload keeps what the test changed
      if (!localStorage.getItem('kinora.draft')) localStorage.setItem('kinora.draft', JSON.stringify(draft))
    },
    { ...rest, negativePrompt, seedMode: 'fixed' },
  )
  await page.goto(url)
}

/** The records of the library, newest first. */
export function records(page: Page): Promise<Pick<ClipRecord, 'jobId' | 'request' | 'report' | 'durationSeconds'>[]> {
  return page.evaluate(async () => {
    if (!(await indexedDB.databases()).some(({ name }) => name === 'kinora')) return []
    const open = indexedDB.open('kinora')
    await new Promise((done) => (open.onsuccess = done))
    const all = open.result.transaction('clips').objectStore('clips').getAll() as IDBRequest<ClipRecord[]>
    await new Promise((done) => (all.onsuccess = done))
    open.result.close()
    return all.result
      .toSorted((a, b) => b.createdAtMs - a.createdAtMs)
      .map(({ jobId, request, report, durationSeconds }) => ({ jobId, request, report, durationSeconds }))
  })
}

/** Names in a folder of the app's private file system: ids of jobs with a checkpoint, or of saved assets. */
export function storedIn(page: Page, folder: 'jobs' | 'assets'): Promise<string[]> {
  return page.evaluate(async (name) => {
    const names: string[] = []
    for await (const entry of (await (await navigator.storage.getDirectory()).getDirectoryHandle(name, { create: true })).keys()) names.push(entry)
    return names
  }, folder)
}

/** Waits until the job is in this step or a later one: a quick step may be over before an expectation looks again. */
export async function reachStep(page: Page, step: number): Promise<void> {
  const reached = (least: number) => {
    const words = document.querySelector('[role="status"][aria-label="Progress"]')?.textContent ?? ''
    return Number(/step (\d+) of/.exec(words)?.[1] ?? 0) >= least
  }
  await page.waitForFunction(reached, step, { timeout: CLIP_MS, polling: 'raf' })
}
