// What an earlier visit left and cannot be restored is set aside: the page opens, says so, and has everything else.
import type { Page } from '@playwright/test'
import { CLIP_MS, expect, openWith, reachStep, records, smallClip, test } from '../e2e/app'
import { generateButton, progress, promptField, queueRegion, yourClip } from '../e2e/locators'
import { readQueues } from '../e2e/profile'
import { follow } from './scripted'

const notice = (page: Page, title: string) => page.getByRole('alert').filter({ hasText: title })
const offer = (page: Page) => page.getByRole('alert').filter({ hasText: /unfinished clips? from your last session/ })
const local = (page: Page, key: string) => page.evaluate((name) => localStorage.getItem(name), key)

/** Writes the queue of a tab that is closed, past the page. */
async function storeQueue(page: Page, tab: string, jobs: unknown[]): Promise<void> {
  // the page makes the database
  await page.waitForFunction(async () => (await indexedDB.databases()).some(({ name }) => name === 'kinora'))
  return page.evaluate(
    async ([name, rows]) => {
      const open = indexedDB.open('kinora')
      await new Promise((done) => (open.onsuccess = done))
      const transaction = open.result.transaction('queues', 'readwrite')
      transaction.objectStore('queues').put({ tab: name, jobs: rows, forget: [] })
      await new Promise((done) => (transaction.oncomplete = done))
      open.result.close()
    },
    [tab, jobs] as const,
  )
}

const asideRows = (page: Page) =>
  page.evaluate(async () => {
    const open = indexedDB.open('kinora')
    await new Promise((done) => (open.onsuccess = done))
    const all = open.result.transaction('aside').objectStore('aside').getAll()
    await new Promise((done) => (all.onsuccess = done))
    open.result.close()
    return all.result as unknown[]
  })

for (const { what, change, reason } of [
  { what: 'a prompt of 600 000 words', change: { prompt: 'word '.repeat(600_000) }, reason: 'prompt: expected at most 20000 characters, got 3000000.' },
  { what: 'ten million steps', change: { steps: 1e7 }, reason: 'steps: expected at most 1000, got 10000000.' },
  { what: 'no shape at all', change: { prompt: 7 }, reason: 'prompt: expected string, got 7.' },
]) {
  test(`a draft with ${what} is set aside, and the page opens`, async ({ page, app }) => {
    await openWith(page, app.url, { ...smallClip(app.starter), ...change } as never)
    await expect(notice(page, 'Your last draft could not be restored.')).toContainText(reason)
    expect((await local(page, 'kinora.draft.aside'))?.length).toBeGreaterThan(50)
    await promptField(page).fill('a red sky')
    await expect(generateButton(page)).toBeEnabled()
    await notice(page, 'Your last draft').getByRole('button', { name: 'OK' }).click()
    await page.reload()
    await expect(promptField(page)).toHaveValue('a red sky')
    await expect(notice(page, 'Your last draft')).toBeHidden()
  })
}

test('a draft with 500 keyframes keeps its words; the rest is set aside', async ({ page, app }) => {
  const image = { kind: 'image', id: 'a'.repeat(64), name: 'a.png' }
  const between = Array.from({ length: 500 }, (_, index) => ({ key: String(index), image, strength: 1, seconds: 1 }))
  const inputs = { keyframes: { first: { image: null, strength: 1 }, between, last: { image: null, strength: 1 } } }
  await openWith(page, app.url, { ...smallClip(app.starter, { prompt: 'my words' }), mode: 'keyframes', inputs } as never)
  await expect(notice(page, 'Your last draft could not be restored.')).toContainText('Its images, clips or cards do not fit; the words are here.')
  await expect(promptField(page)).toHaveValue('my words')
  expect(JSON.parse((await local(page, 'kinora.draft.aside')) ?? '')).toMatchObject({ inputs: { keyframes: { between: { length: 500 } } } })
})

test('queue rows that cannot be restored are set aside, and the others are offered', async ({ page, app }) => {
  await page.goto(app.url)
  await expect(generateButton(page)).toBeVisible()
  const row = (id: string, changes: object = {}) => ({
    id,
    request: { ...smallClip(app.starter, { prompt: `clip ${id}` }), ...changes },
    modelId: 'starter',
    modelName: 'Starter',
    status: 'waiting',
  })
  // of this version in the database, and of version 0.1.0 in localStorage
  await storeQueue(page, 'queue.closed', [row('a'), row('b', { prompt: 'word '.repeat(600_000) })])
  await page.evaluate((text) => localStorage.setItem('kinora.queue.older', text), JSON.stringify([row('c'), row('d', { steps: 1e7 })]))
  await page.evaluate(() => localStorage.setItem('kinora.queue.broken', '[{"id": "e", '))
  await page.reload()
  await expect(notice(page, '3 clips of an earlier queue could not be restored.')).toBeVisible()
  await expect(offer(page)).toContainText('2 unfinished clips')
  const names = () =>
    queueRegion(page)
      .getByRole('group')
      .evaluateAll((found) => found.map((element) => element.getAttribute('aria-label')))
  expect((await names()).toSorted()).toEqual(['clip a', 'clip c'])
  await expect.poll(async () => (await readQueues(page)).map(({ jobs }) => jobs.length)).toEqual([2])
  expect((await asideRows(page)).map((kept) => (kept as { id: string }).id).toSorted()).toEqual(['b', 'd'])
  expect(await local(page, 'kinora.queue.older')).toBeNull()
  expect(await local(page, 'kinora.aside.queue.broken'), 'no JSON, and kept as it is').toBe('[{"id": "e", ')
  await notice(page, 'an earlier queue').getByRole('button', { name: 'OK' }).click()
  await page.reload()
  await expect(offer(page)).toContainText('2 unfinished clips')
  await expect(notice(page, 'an earlier queue')).toBeHidden()
})

test('a job whose clip is in the library is not offered again, whatever its tab could still store', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter))
  await follow(page, { stepMs: 20 })
  await generateButton(page).click()
  await expect(yourClip(page)).toBeVisible({ timeout: CLIP_MS })
  const [made] = await records(page)
  const job = { id: made?.jobId, request: made?.request, modelId: 'starter', modelName: 'Starter' }
  expect(job.id).toBeDefined()
  await storeQueue(page, 'queue.closed', [
    { ...job, status: 'running' },
    { ...job, id: 'other', status: 'waiting' },
  ])
  // what was left of a job that was removed just before the end
  await page.evaluate(
    async (ids) => {
      const jobs = await (await navigator.storage.getDirectory()).getDirectoryHandle('jobs', { create: true })
      for (const id of ids) await jobs.getDirectoryHandle(id, { create: true })
    },
    [String(job.id)],
  )
  await page.reload()
  await expect(offer(page)).toContainText('1 unfinished clip')
  await expect
    .poll(() =>
      page.evaluate(async () => {
        const names: string[] = []
        for await (const name of (await (await navigator.storage.getDirectory()).getDirectoryHandle('jobs')).keys()) names.push(name)
        return names
      }),
    )
    .toEqual([])
})

test('where nothing can be stored, clips are made for the visit, and it is said', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter))
  await follow(page, { stepMs: 300 })
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('Storage.overrideQuotaForOrigin', { origin: app.url, quotaSize: 1 })
  await generateButton(page).click()
  await expect(notice(page, 'The queue is not saved.')).toBeVisible()
  await expect(progress(page)).toHaveText('Done.', { timeout: CLIP_MS })
  await expect(notice(page, 'The queue is not saved.')).toBeHidden()
})

test('a worker that ends without a word fails its job, which goes on from its last step', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter, { steps: 10 }))
  await follow(page, { stepMs: 500 })
  await generateButton(page).click()
  await reachStep(page, 2)
  const worker = page.workers().find((one) => one.url().includes('generate.worker'))
  await worker?.evaluate(() => close()).catch(() => undefined)
  await expect(notice(page, 'Something went wrong.')).toContainText('finished steps are kept')
  await page.getByRole('button', { name: 'Retry' }).click()
  await expect(progress(page)).toHaveText('Done.', { timeout: CLIP_MS })
  expect(await records(page)).toHaveLength(1)
  expect((await records(page))[0]?.report.stepMs.length).toBeLessThan(10)
})
