// Kills at random moments of a queue of three short clips: of the browser (SIGKILL), of the tab, of the generate worker. Afterwards every
// clip that was added is there exactly once, with the frames of an uninterrupted one, and nothing else is left in storage.
import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { chromium, type Browser, type Page } from 'playwright'
import type { ClipRecord } from '../../src/shared/record'
import type { GenerateRequest } from '../../src/shared/request'
import { randomSource } from '../gpu/reference'
import { generate } from './app'
import { chromiumFlags, findChromium } from './browser'
import { promptField } from './locators'
import { readQueues, readStorage } from './profile'

/** Clips that wait or run when a kill comes. */
const OPEN_CLIPS = 3

export interface KillOptions {
  /** address of a served build, without a slash at its end */
  url: string
  kills: number
  /** of the random moments and kinds */
  seed: number
  /** settings of the clips; each has a prompt and a seed of its own */
  request: GenerateRequest
  /** longest time from the last click to the kill, ms: as long as a few clips take */
  longestMs: number
  /** longest time that a queue of three clips takes, ms */
  patienceMs: number
  /** called with a page of each new browser before the first clip is added */
  prepare?: (page: Page) => Promise<void>
  /** called with a line after each kill */
  report?: (line: string) => void
}

/** What came out of it. */
export interface KillResult {
  added: number
  records: number
  kills: Record<Kill, number>
  /** sentences about what is wrong; empty: all is well */
  problems: string[]
}

const KILLS = ['browser', 'tab', 'worker'] as const
type Kill = (typeof KILLS)[number]

type Found = Pick<ClipRecord, 'id' | 'file' | 'request' | 'report'>

/** A browser on one profile, which is killed and started again. */
class KilledBrowser {
  readonly #profile = mkdtempSync(join(tmpdir(), 'kinora-kills-'))
  #process: ChildProcess | undefined
  #browser: Browser | undefined

  async open(url: string): Promise<Page> {
    const portFile = join(this.#profile, 'DevToolsActivePort')
    if (!this.#browser) {
      rmSync(portFile, { force: true })
      const flags = ['--headless=new', '--remote-debugging-port=0', '--no-first-run', `--user-data-dir=${this.#profile}`, 'about:blank']
      // a group of its own, so that all of its processes are killed at once
      this.#process = spawn(findChromium(), [...chromiumFlags('swiftshader'), ...flags], { stdio: 'ignore', detached: true })
      const until = Date.now() + 60_000
      while (!existsSync(portFile) || !readFileSync(portFile, 'utf8').includes('\n')) {
        if (Date.now() > until) throw new Error('The browser did not start within a minute.')
        await pause(20)
      }
      const [port] = readFileSync(portFile, 'utf8').split('\n')
      this.#browser = await chromium.connectOverCDP(`http://127.0.0.1:${port}`)
    }
    const [context] = this.#browser.contexts()
    if (!context) throw new Error('The browser has no window.')
    const page = await context.newPage()
    await page.goto(`${url}/#/create`)
    await page.waitForFunction(() => window.kinora !== undefined)
    return page
  }

  async kill(): Promise<void> {
    const { pid } = this.#process ?? {}
    const ended = new Promise((done) => this.#process?.once('exit', done))
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
    await ended
    await this.#browser?.close().catch(() => undefined)
    this.#browser = undefined
    this.#process = undefined
  }

  async end(): Promise<void> {
    if (this.#process) await this.kill()
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 })
  }
}

/** Kills, and says what was lost, done twice or left over. */
export async function killAtRandom(options: KillOptions): Promise<KillResult> {
  const { url, request, patienceMs, report } = options
  const next = randomSource(options.seed)
  const browser = new KilledBrowser()
  const added: string[] = []
  const kills: KillResult['kills'] = { browser: 0, tab: 0, worker: 0 }
  let asked = 0
  try {
    let page = await browser.open(url)
    await fillForm(page, request)
    await options.prepare?.(page)
    for (let index = 0; index < options.kills; index++) {
      const open = await goOn(page, added)
      for (let count = open; count < OPEN_CLIPS; count++) {
        const prompt = `clip ${++asked}`
        await promptField(page).fill(prompt)
        await page.getByRole('button', { name: /^(Generate|Add to queue)$/ }).click()
        await row(page, prompt).waitFor({ state: 'attached' })
        added.push(prompt)
      }
      const ms = Math.round(next() * options.longestMs)
      await pause(ms)
      const kill = KILLS[Math.floor(next() * KILLS.length)] ?? 'browser'
      kills[kill]++
      report?.(`kill ${index + 1} of ${options.kills}: the ${kill}, ${ms} ms after ${added.at(-1)} was added`)
      if (kill === 'worker') await endWorker(page)
      else {
        if (kill === 'tab') await page.close()
        else await browser.kill()
        page = await browser.open(url)
      }
    }
    await finish(page, added, patienceMs)
    // what is done leaves with the page
    await page.close()
    page = await browser.open(url)
    return { added: added.length, kills, ...(await inspect(page, added)) }
  } finally {
    await browser.end()
  }
}

const row = (page: Page, prompt: string) => page.locator(`[role="group"][aria-label=${JSON.stringify(prompt)}]`)

/** Puts the settings into the form as a draft of an earlier visit. */
async function fillForm(page: Page, { model: _model, negativePrompt = '', ...rest }: GenerateRequest): Promise<void> {
  const draft = { ...rest, negativePrompt, seedMode: 'random' }
  await page.evaluate((stored) => {
    // the page stores the form when it changes, so that this is written as it goes
    addEventListener('pagehide', () => localStorage.setItem('kinora.draft', JSON.stringify(stored)))
  }, draft)
  await page.reload()
  await page.waitForFunction(() => window.kinora !== undefined)
}

/** Takes up everything that is not done. @returns how many clips wait or run */
async function goOn(page: Page, added: readonly string[]): Promise<number> {
  const done = new Set((await readRecords(page)).map(({ request }) => request.prompt))
  const open = added.filter((prompt) => !done.has(prompt))
  // those that are missing are found at the end
  for (const prompt of open)
    await row(page, prompt)
      .waitFor({ state: 'attached', timeout: 10_000 })
      .catch(() => undefined)
  await page.evaluate(() => {
    for (const button of document.querySelectorAll<HTMLButtonElement>('button'))
      if (/^(Resume|Retry) “/.test(button.getAttribute('aria-label') ?? '')) button.click()
  })
  return open.length
}

/** Ends the generate worker as if the browser had: the page gets no event of it. */
async function endWorker(page: Page): Promise<void> {
  const worker = page.workers().find((one) => one.url().includes('generate.worker'))
  // a worker that is gone may not answer
  await Promise.race([worker?.evaluate(() => close()).catch(() => undefined), pause(2000)])
}

/** Waits until all clips are made. */
async function finish(page: Page, added: readonly string[], patienceMs: number): Promise<void> {
  const until = Date.now() + patienceMs
  while (Date.now() < until) {
    const done = new Set((await readRecords(page)).map(({ request }) => request.prompt))
    if (added.every((prompt) => done.has(prompt))) break
    await goOn(page, [])
    await pause(300)
  }
  // the page hears of the last one
  await page
    .waitForFunction(() => !document.querySelector('[role="group"][aria-label^="clip "] button[aria-label^="Pause "]'), undefined, { timeout: 10_000 })
    .catch(() => undefined)
}

function readRecords(page: Page): Promise<Found[]> {
  return page.evaluate(async () => {
    // opening would make an empty database
    if (!(await indexedDB.databases()).some(({ name }) => name === 'kinora')) return []
    const open = indexedDB.open('kinora')
    await new Promise((done) => (open.onsuccess = done))
    const all = open.result.transaction('clips').objectStore('clips').getAll() as IDBRequest<ClipRecord[]>
    await new Promise((done) => (all.onsuccess = done))
    open.result.close()
    return all.result.map(({ id, file, request, report }) => ({ id, file, request, report }))
  })
}

/** What is wrong in storage, once everything is made. */
async function inspect(page: Page, added: readonly string[]): Promise<Pick<KillResult, 'records' | 'problems'>> {
  const problems: string[] = []
  // the library worker sweeps when it starts, and the queue is adopted
  await page.goto(page.url().replace(/#.*/, '#/library'))
  await page
    .getByText(added[0] ?? '')
    .first()
    .waitFor()
  const records = await readRecords(page)
  for (const prompt of added) {
    const found = records.filter(({ request }) => request.prompt === prompt).length
    if (found !== 1) problems.push(`${prompt} was added, and is in the library ${found} times.`)
  }
  for (const { request } of records) if (!added.includes(request.prompt)) problems.push(`${request.prompt} is in the library, and was never added.`)
  const leftOver = async () => {
    const { files } = await readStorage(page)
    const clips = new Set(records.map(({ file }) => `clips/${file}`))
    const orphans = files.filter(({ path }) => !clips.has(path)).map(({ path }) => path)
    const folders = await page.evaluate(async () => {
      const names: string[] = []
      const root = await navigator.storage.getDirectory()
      for (const name of ['jobs', 'assets']) {
        const folder = await root.getDirectoryHandle(name, { create: true })
        for await (const entry of folder.keys()) names.push(`${name}/${entry}`)
      }
      return names
    })
    const queues = (await readQueues(page)).map(({ jobs, forget }) => `a queue of ${jobs.length} rows and ${forget.length} to forget`)
    return [...orphans, ...folders, ...queues]
  }
  // what is to be forgotten is deleted in the background
  let left = await leftOver()
  for (let tries = 0; left.length > 0 && tries < 20; tries++) {
    await pause(250)
    left = await leftOver()
  }
  problems.push(...left.map((path) => `${path} is left over.`))
  for (const { request, report } of records) {
    const { framesSha256 } = (await generate(page, request)).report
    if (framesSha256 !== report.framesSha256) problems.push(`${request.prompt} has other frames than an uninterrupted one.`)
  }
  return { records: records.length, problems }
}
