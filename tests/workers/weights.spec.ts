// Large models' weights in a real browser: quantized while they are read, cached in OPFS, and read only from there the next time.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from '@playwright/test'
import { readCase, readWeights } from '../parity/read-case'
import { expect, test, type HarnessServer } from './harness/serve'

const folder = (name: string) => fileURLToPath(new URL(`../parity/${name}`, import.meta.url))
const TRANSFORMER = folder('ltx_transformer_original_keys')
const T5 = folder('t5_encoder')

/** Serves two models' files with Range. @returns the requested paths */
function serve(harness: HarnessServer): string[] {
  const requests: string[] = []
  harness.serveModels((request, response) => {
    requests.push(request.url ?? '')
    const file = readFileSync(`${request.url?.includes('t5') ? T5 : TRANSFORMER}/weights.safetensors`)
    const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (first === undefined) return void response.end(file)
    const end = Math.min(Number(last), file.length - 1)
    response.writeHead(206, { 'Content-Range': `bytes ${first}-${end}/${file.length}`, ETag: '"1"' }).end(file.subarray(Number(first), end + 1))
  })
  return requests
}

const keys = (page: Page, url: string, identity: string, config: object) =>
  page.evaluate(([u, i, c]) => window.workers.openWeights().transformer(u, i, c, 'i4'), [url, identity, config] as const)
const files = (page: Page) => page.evaluate(() => window.workers.openWeights().files())

test('quantizes and caches a transformer, and requests nothing at the second start', async ({ page, harness }) => {
  const requests = serve(harness)
  const { config } = readCase(TRANSFORMER)
  const url = `${harness.url}models/ltx.safetensors`
  const first = await keys(page, url, 'one', config)
  expect(first.every(Number.isFinite)).toBe(true)
  expect(requests.length).toBeGreaterThan(10)
  expect(await files(page)).toHaveLength(1)

  requests.length = 0
  await page.reload()
  expect(await keys(page, url, 'one', config)).toEqual(first)
  expect(requests).toEqual([])
  expect(await keys(page, url, 'another', config)).toEqual(first)
  expect(requests.length, 'another source has another cache').toBeGreaterThan(10)
})

test('rebuilds a cache that a crash left unfinished', async ({ page, harness }) => {
  const requests = serve(harness)
  await page.evaluate(() => window.workers.openWeights().leaveUnfinished('torn', 'i4'))
  const { config } = readCase(TRANSFORMER)
  const url = `${harness.url}models/ltx.safetensors`
  const first = await keys(page, url, 'torn', config)
  expect(requests.length).toBeGreaterThan(10)
  requests.length = 0
  expect(await keys(page, url, 'torn', config)).toEqual(first)
  expect(requests).toEqual([])
})

test('deletes unfinished caches and those of deleted downloads, but not those of local files', async ({ page, harness }) => {
  serve(harness)
  const { config } = readCase(TRANSFORMER)
  const url = `${harness.url}models/ltx.safetensors`
  const [here, gone] = ['a', 'b'].map((digit) => digit.repeat(64)) as [string, string]
  for (const identity of [here, gone, `disk ${gone}`]) await keys(page, url, identity, config)
  await page.evaluate(() => window.workers.openWeights().leaveUnfinished('torn', 'i4'))
  expect(await files(page)).toHaveLength(4)

  const copied = await page.evaluate(() => window.workers.openWeights().copiedBytes())
  expect(Object.keys(copied).sort()).toEqual([here, gone])
  await page.evaluate((present) => window.workers.openWeights().removeOrphans([present]), here)
  const remaining = await files(page)
  expect(remaining).toHaveLength(2)
  expect(remaining.map(({ bytes }) => bytes)).toContain(copied[here])
  expect(Object.keys(await page.evaluate(() => window.workers.openWeights().copiedBytes()))).toEqual([here])
  await page.evaluate(() => window.workers.openWeights().removeOrphans([]))
  expect(await files(page), 'caches of local files are deleted elsewhere').toHaveLength(1)
})

test('runs a model without a cache if storage is full', async ({ page, harness }) => {
  const requests = serve(harness)
  const { config } = readCase(TRANSFORMER)
  const session = await page.context().newCDPSession(page)
  await session.send('Storage.overrideQuotaForOrigin', { origin: new URL(page.url()).origin, quotaSize: 30_000 })
  const url = `${harness.url}models/ltx.safetensors`
  const first = await keys(page, url, 'no room', config)
  expect(await files(page)).toEqual([])
  requests.length = 0
  expect(await keys(page, url, 'no room', config)).toEqual(first)
  expect(requests.length).toBeGreaterThan(10)
})

test('loads a text encoder from its cache, including the rows of its table', async ({ page, harness }) => {
  const requests = serve(harness)
  const { config, inputs, outputs } = readCase(T5)
  const ids = [...(inputs.get('input_ids')?.values ?? [])].slice(0, 13)
  const url = `${harness.url}models/t5.safetensors`
  const embed = () => page.evaluate(([u, c, i]) => window.workers.openWeights().text(u, 't5', c, i), [url, config, ids] as const)
  const first = await embed()
  const expected = [...(outputs.get('last_hidden_state')?.values ?? [])].slice(0, first.length)
  expect(first).toHaveLength(13 * 32)
  const norm = (values: number[]) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0))
  expect(norm(first.map((value, i) => value - expected[i]!)) / norm(expected)).toBeLessThan(5e-2)
  expect(requests.length).toBeGreaterThan(10)
  requests.length = 0
  await page.reload()
  expect(await embed()).toEqual(first)
  expect(requests).toEqual([])
})

test('reads a local folder and a local file in place, and names a missing file', async ({ page, harness }) => {
  serve(harness)
  const name = 'model.diffusion_model.transformer_blocks.0.attn1.to_q.weight'
  const { values } = readWeights(TRANSFORMER).get(name)
  const expected = [...values.subarray(0, 5 * 64)]
  const found = await page.evaluate(([url, tensor]) => window.workers.openWeights().fromDisk(url, tensor, 5), [
    `${harness.url}models/ltx.safetensors`,
    name,
  ] as const)
  expect(found).toEqual([expected, expected])
  const error = await page.evaluate(() =>
    window.workers
      .openWeights()
      .missing()
      .then(() => null, window.workers.toErrorData),
  )
  expect(error).toMatchObject({ code: 'weights-missing', message: 'vae/none.safetensors could not be read from the disk: it does not exist.' })
})
