// The library in a real browser: records, files, leftovers, full storage, an older database.
import type { Page } from '@playwright/test'
import { storedIn } from '../e2e/app'
import type { ClipSpec } from './harness/clip-spec'
import { expect, test } from './harness/serve'

const spec: ClipSpec = { width: 64, height: 64, fps: 8, frames: 9 }

const makeClip = (page: Page, clip: ClipSpec = spec) => page.evaluate((s) => window.workers.harness.makeClip(s), clip)
const save = (page: Page, prompt: string) => page.evaluate((p) => window.workers.harness.save(p), prompt)
const files = (page: Page) => page.evaluate(() => window.workers.harness.files())
const list = (page: Page) =>
  page.evaluate(async () => {
    const records = await window.workers.openLibrary().list()
    return records.map(({ poster, ...record }) => ({ ...record, posterBytes: poster.size }))
  })

/** Sets the quota to this many bytes more than the current usage. */
async function limitFreeBytes(page: Page, bytes: number): Promise<void> {
  const used = await page.evaluate(async () => (await navigator.storage.estimate()).usage ?? 0)
  await setQuota(page, used + bytes)
}

async function setQuota(page: Page, bytes: number): Promise<void> {
  const session = await page.context().newCDPSession(page)
  await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin, quotaSize: bytes })
}

/** Plays the clip to its end. @returns its duration, seconds */
function plays(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const video = document.querySelector('video')!
    video.src = URL.createObjectURL((await window.workers.harness.bytes())!)
    await new Promise((ended, failed) => {
      video.onended = ended
      video.onerror = () => failed(new Error(video.error?.message))
      video.playbackRate = 4
      video.play().catch(failed)
    })
    return video.duration
  })
}

test('lists saved clips after a reload, newest first, with their files and requests', async ({ page }) => {
  const clip = await makeClip(page)
  const first = await save(page, 'a red sky')
  await makeClip(page)
  const second = await save(page, 'a starry night')
  await page.reload()
  const records = await list(page)
  expect(records.map((r) => [r.id, r.request.prompt])).toEqual([
    [second.id, 'a starry night'],
    [first.id, 'a red sky'],
  ])
  expect(records[1]).toMatchObject({
    schemaVersion: 3,
    file: clip.file,
    bytes: clip.bytes,
    codec: clip.codec,
    durationSeconds: 9 / 8,
    modelName: 'Test',
    posterBytes: clip.posterBytes,
  })
  const opened = await page.evaluate(async (id) => {
    const blob = await window.workers.openLibrary().open(id)
    return { type: blob.type, size: (await blob.arrayBuffer()).byteLength }
  }, first.id!)
  expect(opened).toEqual({ type: 'video/webm', size: clip.bytes })
  const usage = await page.evaluate(() => window.workers.openLibrary().usage())
  expect(usage.usedBytes).toBeGreaterThan(clip.bytes)
  expect(usage.quotaBytes).toBeGreaterThan(usage.usedBytes)
})

test('removes a clip with its file, and then opens it as not-found', async ({ page }) => {
  await makeClip(page)
  const { id } = await save(page, 'a red sky')
  const error = await page.evaluate(async (gone) => {
    const library = window.workers.openLibrary()
    await library.remove(gone)
    return library.open(gone).then(() => null, window.workers.toErrorData)
  }, id!)
  expect(error).toMatchObject({ code: 'not-found', details: { id } })
  expect(await list(page)).toEqual([])
  expect(await files(page)).toEqual([])
})

test('reports not-found for a record without its file', async ({ page }) => {
  const clip = await makeClip(page)
  const { id } = await save(page, 'a red sky')
  const error = await page.evaluate(
    async ({ id, file }) => {
      const root = await navigator.storage.getDirectory()
      await (await root.getDirectoryHandle('clips')).removeEntry(file)
      return window.workers
        .openLibrary()
        .open(id)
        .then(() => null, window.workers.toErrorData)
    },
    { id: id!, file: clip.file! },
  )
  expect(error).toMatchObject({ code: 'not-found', details: { file: clip.file } })
})

test('deletes what a crash left, but not a clip that is being written', async ({ page }) => {
  await makeClip(page)
  const saved = await save(page, 'kept')
  await page.evaluate((s) => window.workers.harness.beginClip(s), { ...spec, stopAfter: 4 })
  expect(await files(page)).toHaveLength(2)
  await list(page) // opening the library sweeps
  expect(await files(page), 'the clip that is being written is kept').toHaveLength(2)

  await page.evaluate(() => window.workers.restart()) // its worker ends
  await expect
    .poll(async () => {
      await list(page)
      return files(page)
    })
    .toEqual([`${saved.id}.webm`])
  expect(await list(page)).toHaveLength(1)
})

test('keeps a finished clip that has no record yet', async ({ page }) => {
  await makeClip(page)
  await list(page)
  expect(await files(page)).toHaveLength(1)
  const { id } = await save(page, 'late')
  expect(id).not.toBeNull()
  expect(await page.evaluate(() => window.workers.harness.sweep())).toEqual([])
  expect(await list(page)).toHaveLength(1)
})

test('removes an unfinished clip and a finished one on abort', async ({ page }) => {
  await page.evaluate((s) => window.workers.harness.beginClip(s), { ...spec, stopAfter: 4 })
  await page.evaluate(() => window.workers.harness.abort())
  expect(await files(page)).toEqual([])
  await makeClip(page)
  await page.evaluate(() => window.workers.harness.abort())
  expect(await files(page)).toEqual([])
})

test('deletes an old asset that nothing refers to, unless a page uses it', async ({ page, harness, context }) => {
  const saveAsset = (name: string) => page.evaluate(async (text) => (await window.workers.openLibrary().saveAsset(new File([text], `${text}.png`))).id, name)
  const [ofClip, named, unnamed] = [await saveAsset('of a clip'), await saveAsset('named'), await saveAsset('unnamed')]
  await makeClip(page)
  await page.evaluate((id) => window.workers.harness.save('a red sky', { conditions: [{ source: { kind: 'image', id }, atFrame: 0, strength: 1 }] }), ofClip)
  const other = await context.newPage()
  await other.goto(harness.url)
  const sweep = (hoursOn: number) =>
    other.evaluate(([id, hours]) => window.workers.openLibrary().sweepAssets([id], Date.now() + hours * 3_600_000), [named, hoursOn] as const)
  const left = () => storedIn(other, 'assets')

  expect(await sweep(1), 'the page that saved them is open').toBe(0)
  await page.reload() // its workers end
  expect(await sweep(-1), 'all of them are new').toBe(0)
  await page.evaluate((id) => window.workers.openLibrary().openAsset(id), unnamed)
  expect(await sweep(1), 'a page has opened it').toBe(0)
  await page.close()
  await expect.poll(() => sweep(1)).toBe(1)
  expect((await left()).toSorted()).toEqual([ofClip, named].toSorted())
  // saved again, it is stored again
  const again = await other.evaluate(async () => (await window.workers.openLibrary().saveAsset(new File(['unnamed'], 'again.png'))).name)
  expect(again).toBe('again.png')
  expect(await left()).toContain(unnamed)
})

test('keeps a clip in memory if storage is full while it is written, and loses nothing else', async ({ page }) => {
  await makeClip(page)
  const kept = await save(page, 'kept')
  await limitFreeBytes(page, 200_000)
  const clip = await makeClip(page, { ...spec, width: 128, height: 128, frames: 41, noise: true })
  expect(clip.bytes).toBeGreaterThan(400_000)
  expect(clip).toMatchObject({ file: null, saveError: { code: 'storage-full' }, blobBytes: clip.bytes, blobType: 'video/webm' })
  expect(await plays(page)).toBeCloseTo(41 / 8, 3)
  const saved = await save(page, 'lost')
  expect(saved).toMatchObject({ id: null, saveError: { code: 'storage-full' }, blobBytes: clip.bytes })
  expect(await files(page)).toEqual([`${kept.id}.webm`])
  expect((await list(page)).map((r) => r.request.prompt)).toEqual(['kept'])
})

test('writes a clip in memory from the start if there is no storage', async ({ page }) => {
  await setQuota(page, 1)
  const clip = await makeClip(page)
  expect(clip).toMatchObject({ file: null, saveError: { code: 'storage-full' }, blobBytes: clip.bytes })
  expect(await plays(page)).toBeCloseTo(9 / 8, 3)
})

test('keeps a clip in memory and removes its file if storage is full for its record', async ({ page }) => {
  const clip = await makeClip(page)
  expect(clip.file).not.toBeNull()
  await limitFreeBytes(page, 100_000)
  const saved = await page.evaluate(() => window.workers.harness.save('x'.repeat(20_000_000)))
  expect(saved).toMatchObject({ id: null, saveError: { code: 'storage-full' }, blobBytes: clip.bytes })
  expect(await files(page)).toEqual([])
  expect(await list(page)).toEqual([])
})

test('a job has one clip: the same one when it is saved again, whose file is not kept', async ({ page }) => {
  const ofJob = (jobId: string) => page.evaluate((id) => window.workers.harness.save('a red sky', {}, id), jobId)
  await makeClip(page)
  const first = await ofJob('job 1')
  await makeClip(page)
  const again = await ofJob('job 1')
  expect(again).toMatchObject({ id: first.id, blobBytes: first.blobBytes })
  await makeClip(page)
  const other = await ofJob('job 2')
  expect((await list(page)).map(({ id, jobId }) => [id, jobId])).toEqual([
    [other.id, 'job 2'],
    [first.id, 'job 1'],
  ])
  expect((await files(page)).toSorted()).toEqual([`${first.id}.webm`, `${other.id}.webm`].toSorted())
  const found = await page.evaluate(() => window.workers.openLibrary().clipsOfJobs(['job 2', 'job 3']))
  expect(found.map(({ id }) => id)).toEqual([other.id])
})

test('the record of a clip and its job in the queue are written in one step', async ({ page }) => {
  const row = (id: string) => ({ id, status: 'running', request: { prompt: id } })
  const queues = () => page.evaluate(() => window.workers.openLibrary().queues())
  const store = (tab: string, jobs: object[], takenOver: string[] = [], aside: unknown[] = []) =>
    page.evaluate(([queue, from, kept]) => window.workers.openLibrary().saveQueue(queue, from, kept), [
      { tab, jobs, forget: [] as string[] },
      takenOver,
      aside,
    ] as const)
  await store('one', [row('a'), row('b')])
  await store('two', [row('c')])
  await makeClip(page)
  const { id } = await page.evaluate(() => window.workers.harness.save('a red sky', {}, 'b'))
  expect(await queues()).toEqual([
    { tab: 'one', jobs: [row('a'), { ...row('b'), status: 'done', resultId: id }], forget: [] },
    { tab: 'two', jobs: [row('c')], forget: [] },
  ])
  await store('three', [row('c')], ['one', 'two'], [{ unknown: 'row' }])
  expect(await queues(), 'taken over').toEqual([{ tab: 'three', jobs: [row('c')], forget: [] }])
  await store('three', [])
  expect(await queues(), 'an empty queue leaves nothing').toEqual([])
  expect(await page.evaluate(() => window.workers.harness.aside()), 'what could not be read is kept').toEqual([{ unknown: 'row' }])
})

test('a file that only a queue names is not swept', async ({ page, harness, context }) => {
  const id = await page.evaluate(async () => {
    const library = window.workers.openLibrary()
    const { id: asset } = await library.saveAsset(new File(['of a queue'], 'queued.png'))
    await library.saveQueue({ tab: 'one', jobs: [{ id: 'a', request: { conditions: [{ source: { kind: 'image', id: asset } }] } }], forget: [] })
    return asset
  })
  await page.close()
  const other = await context.newPage()
  await other.goto(harness.url)
  const sweep = () => other.evaluate(() => window.workers.openLibrary().sweepAssets([], Date.now() + 3_600_000))
  expect(await sweep()).toBe(0)
  expect(await storedIn(other, 'assets')).toEqual([id])
  await other.evaluate(() => window.workers.openLibrary().saveQueue({ tab: 'one', jobs: [], forget: [] }))
  await expect.poll(sweep).toBe(1)
})

test.describe('a database from an older version', () => {
  const record = {
    id: 'old',
    createdAtMs: 5,
    schemaVersion: 1,
    request: { prompt: 'a red sky', before: { source: { kind: 'clip', id: 'a' } }, start: { source: { kind: 'video', id: 'v' }, strength: 0.6 } },
    file: 'old.webm',
  }

  test.beforeEach(async ({ page }) => {
    // as version 1 wrote it, without our code
    await page.evaluate(async (old) => {
      const open = indexedDB.open('fixture', 1)
      open.onupgradeneeded = () => {
        const store = open.result.createObjectStore('clips', { keyPath: 'id' })
        store.createIndex('createdAtMs', 'createdAtMs')
        store.put(old)
        store.put({ ...old, id: 'older', createdAtMs: 4 })
      }
      await new Promise((done) => (open.onsuccess = done))
      open.result.close()
    }, record)
  })

  test('opens unchanged at its own version', async ({ page }) => {
    const records = await page.evaluate(() => window.workers.harness.listAtVersionOne('fixture'))
    expect(records).toEqual([record, { ...record, id: 'older', createdAtMs: 4 }])
  })

  test('renames the fields of the requests in its records', async ({ page }) => {
    const records = await page.evaluate(() => window.workers.harness.upgrade('fixture'))
    const request = { prompt: 'a red sky', prefix: record.request.before, initVideo: record.request.start }
    const upgraded = { ...record, schemaVersion: 3, request }
    expect(records).toEqual([upgraded, { ...upgraded, id: 'older', createdAtMs: 4 }])
  })

  test('migrates every record', async ({ page }) => {
    const records = await page.evaluate(() => window.workers.harness.migrate('fixture', false))
    const later = { ...record, schemaVersion: 2, favourite: false }
    expect(records).toEqual([later, { ...later, id: 'older', createdAtMs: 4 }])
    const error = await page.evaluate(() => window.workers.harness.listAtVersionOne('fixture').then(() => null, window.workers.toErrorData))
    expect(error?.message, 'an older app reports it and changes nothing').toContain('newer version of Kinora')
  })

  test('is unchanged if a migration fails', async ({ page }) => {
    const error = await page.evaluate(() => window.workers.harness.migrate('fixture', true).then(() => null, window.workers.toErrorData))
    expect(error).toMatchObject({ code: 'internal', details: { expected: 2 } })
    expect(error?.message).toContain('this step fails')
    const records = await page.evaluate(() => window.workers.harness.listAtVersionOne('fixture'))
    expect(records).toEqual([record, { ...record, id: 'older', createdAtMs: 4 }])
  })
})
