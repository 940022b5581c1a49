// Downloads in a real browser, from a real server of another origin that fails in every way: wrong bytes are never stored, and few
// bytes are fetched twice.
import { createHash, randomBytes } from 'node:crypto'
import type { Page } from '@playwright/test'
import type { Remote } from 'comlink'
import type { DownloadState } from '../../src/shared/worker-apis'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import type { DownloadHarness } from './harness/download.worker'
import { expect, test as base } from './harness/serve'
import { OPEN_TO_ALL, serveModel, type ModelServer } from '../e2e/model-server'

const CHUNK = 128 * 1024
const CONTENT = randomBytes(3 * 2 ** 20 + 12_345)
const SHA256 = createHash('sha256').update(CONTENT).digest('hex')
const PATH = 'folder/model.safetensors'
const source = (id: string, pin: CatalogueEntry['files'][number]['pin'] = { bytes: CONTENT.length, sha256: SHA256 }): CatalogueEntry => ({
  id,
  name: 'Test model',
  role: 'video',
  description: '',
  license: { name: 'none', url: 'https://licence.example/' },
  repo: 'owner/name',
  revision: 'abc',
  files: [{ path: PATH, aboutBytes: 1, pin }],
})
/** One with a known hash, and one that is identified only by the first response of its server. */
const CATALOGUE = [source('pinned'), { ...source('unpinned'), files: [{ path: PATH, aboutBytes: 1 }] }]

declare global {
  interface Window {
    downloads: Remote<DownloadHarness>
    states: DownloadState[]
  }
}

const test = base.extend<{ opened: void }, { hub: ModelServer }>({
  hub: [
    async ({ harness }, use) => {
      const hub = await serveModel(CONTENT)
      harness.allowMirror(hub.url)
      await use(hub)
      await hub.close()
    },
    { scope: 'worker' },
  ],
  opened: [
    async ({ page, harness, hub }, use) => {
      hub.reset()
      await open(page, harness.url)
      await use()
    },
    { auto: true },
  ],
})

/** Opens the harness page with a worker of its own. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.evaluate(
    async ([sources, chunkBytes]) => {
      window.states = []
      window.downloads = window.workers.openDownloads()
      await window.downloads.open(sources, { chunkBytes, delays: [0.02, 0.02, 0.02] })
    },
    [CATALOGUE, CHUNK] as const,
  )
}

/** Downloads until the end or until it stops. */
function download(page: Page, hub: ModelServer, id = 'pinned'): Promise<DownloadState> {
  return page.evaluate(
    ([source, url]) =>
      window.downloads.download(
        source,
        url,
        window.workers.proxy((state) => void window.states.push(state)),
      ),
    [id, hub.url] as const,
  )
}

const listed = (page: Page, id = 'pinned') => page.evaluate(async (source) => (await window.downloads.list()).find((one) => one.source === source)!, id)
const verify = (page: Page) =>
  page.evaluate(() =>
    window.downloads.verify(
      'pinned',
      window.workers.proxy(() => undefined),
    ),
  )
const stored = (page: Page, id = 'pinned') =>
  page.evaluate(([source, path]) => window.downloads.stored(source, path, 1000, 1010).then((value) => value, window.workers.toErrorData), [id, PATH] as const)

async function expectComplete(page: Page, state: DownloadState, id = 'pinned'): Promise<void> {
  expect(state).toMatchObject({ source: id, status: 'complete', error: null, parts: [{ path: PATH, bytesDone: CONTENT.length, bytesTotal: CONTENT.length }] })
  expect(await stored(page, id)).toEqual({ sha256: SHA256, read: SHA256, part: [...CONTENT.subarray(1000, 1010)] })
}

/** Seeded random numbers (mulberry32), so that a failure can be repeated. */
function seeded(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Extra bytes that a download may cost: a chunk, and the first byte that each opening requests. */
const EXTRA_BYTES = CHUNK + 16

test('downloads from another origin with progress, and requests nothing afterwards', async ({ page, hub, harness }) => {
  hub.pauseMs = 5
  await expectComplete(page, await download(page, hub))
  expect(hub.sent).toBeLessThan(CONTENT.length + 16)
  const states = await page.evaluate(() => window.states)
  const counts = states.map(({ parts }) => parts[0]!.bytesDone)
  expect(counts).toEqual([...counts].sort((a, b) => a - b))
  expect(new Set(counts).size).toBeGreaterThan(4)
  expect(states.every(({ resumable }) => resumable !== false)).toBe(true)
  expect(states.some(({ bytesPerSecond, secondsLeft }) => bytesPerSecond !== null && bytesPerSecond > 1e5 && secondsLeft !== null && secondsLeft < 60)).toBe(
    true,
  )
  expect([...new Set(states.map(({ status }) => status))]).toEqual(['connecting', 'downloading'])

  const before = hub.requested.length
  await open(page, harness.url)
  expect(await listed(page)).toMatchObject({ status: 'complete' })
  await expectComplete(page, await download(page, hub))
  expect(await verify(page)).toMatchObject({ status: 'complete', error: null })
  expect(hub.requested.length).toBe(before)
})

const KINDS = ['page closed', 'server cut', 'answer truncated', 'byte flipped on the disk', 'byte flipped on the way'] as const
const KILLS = Array.from({ length: 20 }, (_, index) => ({ index, kind: KINDS[index % KINDS.length]! }))

test('survives 20 interruptions and faults at random positions', async ({ context, harness, hub }) => {
  let page = await context.newPage()
  await open(page, harness.url)
  for (const { index, kind } of KILLS) {
    await test.step(`${index}: ${kind}`, async () => {
      const random = seeded(1000 + index)
      const at = Math.floor(random() * (CONTENT.length - 2 * CHUNK)) + CHUNK
      hub.reset()

      if (kind === 'page closed') {
        const cut = download(page, hub).catch(() => undefined)
        await hub.reached(at)
        await page.close()
        await cut
        page = await context.newPage()
        await open(page, harness.url)
        expect(await listed(page)).toMatchObject({ status: 'paused', error: null })
      } else if (kind === 'byte flipped on the disk') {
        const paused = download(page, hub)
        await hub.reached(at + CHUNK)
        await page.evaluate(() => window.downloads.pause('pinned'))
        const { status, parts } = await paused
        expect(status).toBe('paused')
        await page.evaluate(([path, nth]) => window.downloads.flip('pinned', path, nth), [PATH, Math.floor(random() * Math.floor(at / CHUNK))] as const)
        hub.sent = parts[0]!.bytesDone // the pause may have cost a chunk
      } else {
        hub.fault = { kind: kind === 'server cut' ? 'cut' : kind === 'answer truncated' ? 'truncate' : 'flip', atByte: at }
      }

      let state = await download(page, hub)
      if (kind === 'byte flipped on the way') {
        // only the hash of the whole file detects it: it is reported, and nothing is kept
        expect(state).toMatchObject({ status: 'absent', error: { code: 'weights-corrupt', details: { file: PATH, expected: SHA256 } } })
        expect(state.error?.details['found']).toMatch(/^[0-9a-f]{64}$/)
        expect(await stored(page)).toMatchObject({ code: 'weights-missing' })
        hub.sent = 0
        state = await download(page, hub)
      }
      await expectComplete(page, state)
      expect(hub.fault, 'the fault occurred').toBeNull()
      expect(hub.sent, `${kind} at byte ${at}`).toBeLessThanOrEqual(CONTENT.length + EXTRA_BYTES)
      await page.evaluate(() => window.downloads.remove('pinned'))
      expect(await listed(page)).toMatchObject({ status: 'absent' })
    })
  }
})

test('keeps the downloaded chunks on pause, and deletes them on remove', async ({ page, hub }) => {
  const running = download(page, hub)
  await hub.reached(10 * CHUNK)
  await page.evaluate(() => window.downloads.pause('pinned'))
  const paused = await running
  expect(paused).toMatchObject({ status: 'paused', error: null })
  expect(paused.parts[0]!.bytesDone).toBeGreaterThanOrEqual(9 * CHUNK)
  const used = (await page.evaluate(() => window.downloads.space())).usedBytes
  expect(used).toBeGreaterThan(9 * CHUNK)
  expect(await stored(page)).toMatchObject({ code: 'weights-missing', details: { found: 'is only partly downloaded' } })
  await page.evaluate(() => window.downloads.remove('pinned'))
  expect(await listed(page)).toMatchObject({ status: 'absent', parts: [{ bytesDone: 0 }] })
  expect((await page.evaluate(() => window.downloads.space())).usedBytes).toBeLessThan(used - 8 * CHUNK)
})

test('detects a damaged chunk on load and on verify, and fetches only that chunk again', async ({ page, hub }) => {
  await expectComplete(page, await download(page, hub))
  const chunk = await page.evaluate((path) => window.downloads.flip('pinned', path, 3), PATH)
  expect(await stored(page)).toMatchObject({ code: 'weights-corrupt', details: { file: PATH } })
  const found = await verify(page)
  expect(found).toMatchObject({ status: 'paused', error: { code: 'weights-corrupt' } })
  expect(found.error?.message).toContain('1 of 25 chunks are damaged on this disk')
  hub.reset()
  await expectComplete(page, await download(page, hub))
  expect(hub.requested.filter((range) => range !== 'bytes=0-0')).toEqual([`bytes=${chunk * CHUNK}-${(chunk + 1) * CHUNK - 1}`])
})

test('checks a file without a known hash by its ETag and the hashes of its chunks', async ({ page, hub }) => {
  const running = download(page, hub, 'unpinned')
  await hub.reached(10 * CHUNK)
  await page.evaluate(() => window.downloads.pause('unpinned'))
  await running
  hub.etag = '"2"'
  const changed = await download(page, hub, 'unpinned')
  expect(changed).toMatchObject({ status: 'paused', error: { code: 'weights-corrupt' } })
  expect(changed.error?.message).toContain('has changed on the server')
  hub.etag = '"1"'
  // bytes that are received again must be the same as before
  await page.evaluate((path) => window.downloads.flip('unpinned', path, 0), PATH)
  hub.fault = { kind: 'flip', atByte: hub.sent + 100 }
  const flipped = await download(page, hub, 'unpinned')
  expect(flipped).toMatchObject({ status: 'paused', error: { code: 'weights-corrupt' } })
  expect(flipped.error?.message).toContain('differ from those received before')
  await expectComplete(page, await download(page, hub, 'unpinned'), 'unpinned')
})

test('resumes with another ETag or address if the hash is known', async ({ page, hub }) => {
  const running = download(page, hub)
  await hub.reached(10 * CHUNK)
  await page.evaluate(() => window.downloads.pause('pinned'))
  await running
  hub.etag = '"2"'
  await expectComplete(page, await download(page, { ...hub, url: `${hub.url}elsewhere/` }))
  expect(hub.sent).toBeLessThanOrEqual(CONTENT.length + EXTRA_BYTES)
})

test('reads a range with only its chunks, and again without the server', async ({ page, hub }) => {
  const target = { entryId: 'partial', path: PATH, url: `${hub.url}file`, chunkBytes: CHUNK }
  const read = () => page.evaluate(([t, start, end]) => window.downloads.readPart(t, start, end), [target, 5 * CHUNK - 10, 6 * CHUNK + 10] as const)
  const expected = createHash('sha256')
    .update(CONTENT.subarray(5 * CHUNK - 10, 6 * CHUNK + 10))
    .digest('hex')
  expect(await read()).toEqual({ sha256: expected, downloaded: 3 * CHUNK })
  expect(hub.requested).toEqual(['bytes=0-0', ...[4, 5, 6].map((chunk) => `bytes=${chunk * CHUNK}-${(chunk + 1) * CHUNK - 1}`)])
  const before = hub.requested.length
  expect(await read()).toEqual({ sha256: expected, downloaded: 3 * CHUNK })
  expect(hub.requested.length).toBe(before)
})

test('reports missing space before the first byte, and pauses when space runs out', async ({ page, hub }) => {
  const session = await page.context().newCDPSession(page)
  const origin = new URL(page.url()).origin
  const leave = async (bytes: number) => {
    const used = await page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0)
    await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: used + bytes })
  }
  await leave(1_000_000)
  const refused = await download(page, hub)
  expect(refused).toMatchObject({ status: 'absent', error: { code: 'storage-full', details: { neededBytes: CONTENT.length } } })
  expect(refused.error?.details['missingBytes']).toBeGreaterThan(CONTENT.length - 1_000_001)
  expect(hub.sent, 'only the first byte, to learn the length').toBeLessThanOrEqual(1)

  await leave(2 * CONTENT.length)
  hub.reset()
  hub.pauseMs = 4
  const running = download(page, hub)
  await hub.reached(8 * CHUNK)
  await leave(300_000)
  const full = await running
  expect(full).toMatchObject({ status: 'paused', error: { code: 'storage-full' } })
  expect(full.error?.message).toContain('the downloaded part is kept')
  expect(full.parts[0]!.bytesDone).toBeGreaterThanOrEqual(7 * CHUNK)
  await session.send('Storage.overrideQuotaForOrigin', { origin })
  await expectComplete(page, await download(page, hub))
  expect(hub.sent).toBeLessThanOrEqual(CONTENT.length + EXTRA_BYTES)
})

test('restarts at the first byte if the server does not support Range, and keeps the stored chunks', async ({ page, hub }) => {
  hub.parts = false
  hub.pauseMs = 20
  const running = download(page, hub)
  // bytes that the page has, which may be fewer than were sent
  await page.waitForFunction((least) => window.states.some(({ parts }) => parts[0]!.bytesDone >= least), 9 * CHUNK)
  const states = await page.evaluate(() => window.states)
  expect(
    states.some(
      ({ status, resumable, note }) =>
        status === 'downloading' && resumable === false && note?.includes('after a pause or a lost connection, the file is downloaded from its beginning'),
    ),
  ).toBe(true)
  await page.evaluate(() => window.downloads.pause('pinned'))
  const paused = await running
  expect(paused).toMatchObject({ status: 'paused', resumable: false, error: null })
  const pausedBytes = paused.parts[0]!.bytesDone
  expect(pausedBytes).toBeGreaterThanOrEqual(8 * CHUNK)

  hub.sent = 0
  hub.pauseMs = 1
  await page.evaluate(() => void (window.states = []))
  const state = await download(page, hub)
  await expectComplete(page, state)
  expect(state.resumable).toBe(false)
  expect(hub.sent, 'the whole file is sent again').toBeGreaterThanOrEqual(CONTENT.length)
  const counts = (await page.evaluate(() => window.states)).map(({ parts }) => parts[0]!.bytesDone)
  expect(Math.min(...counts.filter((count) => count > 0)), 'the stored chunks are verified').toBeLessThanOrEqual(pausedBytes)
  expect(counts).toEqual([...counts].sort((a, b) => a - b))
})

const answer =
  (code: number, headers: Record<string, string> = {}, body = ''): NonNullable<ModelServer['instead']> =>
  (_, response) =>
    void response.writeHead(code, { ...OPEN_TO_ALL, ...headers }).end(body)

const REFUSALS: { what: string; instead: NonNullable<ModelServer['instead']>; reason: string; words: string }[] = [
  { what: '401', instead: answer(401), reason: 'login', words: 'requires a login' },
  { what: '403', instead: answer(403), reason: 'forbidden', words: 'license may have to be accepted' },
  { what: '404', instead: answer(404), reason: 'not-found', words: 'it does not exist there (status 404)' },
  { what: '429', instead: answer(429), reason: 'busy', words: 'limits the rate of requests' },
  { what: '503', instead: answer(503), reason: 'server', words: 'the server failed (status 503)' },
  { what: 'a web page', instead: answer(200, { 'content-type': 'text/html' }, '<html>'), reason: 'web-page', words: 'got a web page' },
  {
    what: 'a wrong Content-Range',
    instead: answer(206, { 'content-range': 'bytes 5-5/10' }, 'x'),
    reason: 'wrong-range',
    words: 'expected bytes 0-0, the server sent “bytes 5-5/10”',
  },
  {
    what: 'no CORS',
    instead: (_, response) => void response.writeHead(200, { 'content-length': 1 }).end('x'),
    reason: 'unreachable',
    words: 'does not allow other sites to read its files',
  },
]

test('explains each error response of a server', async ({ page, hub }) => {
  for (const { what, instead, reason, words } of REFUSALS) {
    await test.step(what, async () => {
      hub.instead = instead
      const state = await download(page, hub)
      expect(state).toMatchObject({ status: 'absent', error: { code: 'weights-missing', details: { reason } } })
      expect(state.error?.message).toContain(words)
    })
  }
  const states = await page.evaluate(() => window.states)
  expect(
    states.filter(({ status, note }) => status === 'waiting' && note?.includes('Trying again')).length,
    'temporary errors are retried',
  ).toBeGreaterThanOrEqual(6)
})

test('rejects another length, an unknown source and a second tab', async ({ page, hub, context, harness }) => {
  hub.instead = answer(206, { 'content-range': 'bytes 0-0/77' }, 'x')
  const state = await download(page, hub)
  expect(state).toMatchObject({ status: 'absent', error: { code: 'weights-corrupt', details: { expected: CONTENT.length, found: 77 } } })

  const unknown = await page.evaluate(() => window.downloads.pause('nothing').then(() => null, window.workers.toErrorData))
  expect(unknown).toMatchObject({ code: 'not-found', details: { source: 'nothing' } })

  hub.reset()
  hub.pauseMs = 40
  const running = download(page, hub)
  await hub.reached(CHUNK)
  const other = await context.newPage()
  await open(other, harness.url)
  const refused = await download(other, hub)
  expect(refused.error).toMatchObject({ code: 'weights-missing', details: { reason: 'other-tab' } })
  await page.evaluate(() => window.downloads.pause('pinned'))
  await running
})
