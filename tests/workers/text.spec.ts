// The text worker in a real browser, on the starter's own encoder, against ONNX Runtime's native build.
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { Page } from '@playwright/test'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { expect, test, type HarnessServer } from './harness/serve'

const starter = resolve(import.meta.dirname, '../../public/models/starter')
const read = (path: string) => readFileSync(join(starter, path))
const ENCODER = 'text_encoder/onnx/model_quantized.onnx'

/** The ids of words, looked up directly in the tokenizer's vocabulary. */
function idsOf(words: string[]): number[] {
  const { model } = JSON.parse(read('tokenizer/tokenizer.json').toString()) as { model: { vocab: Record<string, number> } }
  return ['[CLS]', ...words, '[SEP]'].map((word) => model.vocab[word] ?? model.vocab['[UNK]']!)
}

/** The native runtime's embedding of these ids: f32 [L, E]. */
async function nativeEmbedding(ids: number[]): Promise<number[]> {
  // Without VNNI, x64 kernels sum int8 products in 16 bits, which overflow: up to 6 % of the largest value. This requests exact sums.
  const session = await InferenceSession.create(read(ENCODER), { extra: { session: { x64quantprecision: '1' } } })
  try {
    const length = ids.length
    const output = await session.run({
      input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, length]),
      attention_mask: new Tensor('int64', new BigInt64Array(length).fill(1n), [1, length]),
    })
    return [...(output['last_hidden_state']!.data as Float32Array)]
  } finally {
    await session.release()
  }
}

type Answer = (path: string, bytes: Buffer) => Buffer | null

/** Serves the starter, with files changed by the test. */
function serveStarter(harness: HarnessServer, answer: Answer = (_, bytes) => bytes): void {
  harness.serveModels((request, response) => {
    const path = decodeURIComponent(new URL(request.url!, 'http://host').pathname).replace(/^\/starter\//, '')
    const bytes = existsSync(join(starter, path)) ? answer(path, read(path)) : null
    if (bytes) response.setHeader('content-type', path.endsWith('.json') ? 'application/json' : 'application/octet-stream').end(bytes)
    else response.writeHead(404).end()
  })
}

function encode(page: Page, prompts: string[]) {
  return page.evaluate(async (prompts) => {
    try {
      const embeddings = await window.workers.openText().encode(new URL('models/starter/', location.href).href, prompts)
      return { embeddings: embeddings.map(({ values, ...rest }) => ({ ...rest, values: [...values] })) }
    } catch (error) {
      return { error: window.workers.toErrorData(error) }
    }
  }, prompts)
}

async function encoded(page: Page, prompts: string[]) {
  const { embeddings, error } = await encode(page, prompts)
  if (error) throw new Error(error.message)
  return embeddings
}

function largestDifference(a: number[], b: number[]): number {
  expect(a).toHaveLength(b.length)
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0)
}

test('returns the embeds of the native runtime, in the order of the prompts', async ({ page, harness }) => {
  serveStarter(harness)
  const embeddings = await encoded(page, ['A red sky, at Sunset.', 'a starry night', '', 'a zyzzyva'])
  const words = [['a', 'red', 'sky', ',', 'at', 'sunset', '.'], ['a', 'starry', 'night'], [], ['a', 'zyzzyva']]
  expect(embeddings.map((e) => e.tokens)).toEqual(words.map((w) => w.length + 2))
  expect(embeddings.map((e) => e.usedPrompt)).toEqual(['A red sky, at Sunset.', 'a starry night', '', 'a zyzzyva'])
  for (const [i, { values, tokens, width }] of embeddings.entries()) {
    expect(values).toHaveLength(tokens * width)
    const native = await nativeEmbedding(idsOf(words[i]!))
    // int8 sums are exact; the float parts between them differ in the last bits
    expect(largestDifference(values, native)).toBeLessThan(0.05 * Math.max(...native.map(Math.abs)))
  }
  expect(largestDifference(embeddings[0]!.values.slice(0, 100), embeddings[1]!.values.slice(0, 100))).toBeGreaterThan(0.1)
})

test('cuts a long prompt after a word, adds the end token, and reports the used prompt', async ({ page, harness }) => {
  serveStarter(harness)
  const { text } = JSON.parse(read('kinora.json').toString()) as { text: { maxTokens: number } }
  const readWords = text.maxTokens - 2
  const long = Array.from({ length: 60 }, (_, i) => (i % 2 ? 'sky,' : 'Red')).join(' ')
  // two words and a comma make three tokens
  const used = long.match(/\p{L}+|,/gu)!.slice(0, readWords)
  const [embedding, short] = await encoded(page, [long, 'Red sky'])
  expect(embedding!.tokens).toBe(text.maxTokens)
  expect(long.startsWith(embedding!.usedPrompt)).toBe(true)
  expect(embedding!.usedPrompt.match(/\p{L}+|,/gu)).toEqual(used)
  expect(short!.usedPrompt).toBe('Red sky')
  const native = await nativeEmbedding(idsOf(used.map((word) => word.toLowerCase())))
  expect(largestDifference(embedding!.values, native)).toBeLessThan(0.05 * Math.max(...native.map(Math.abs)))
})

test('runs isolated under the strict policy, with requests to this origin only', async ({ page, harness }) => {
  serveStarter(harness)
  const requests: string[] = []
  const complaints: string[] = []
  page.context().on('request', (request) => requests.push(request.url()))
  page.on('console', (message) => complaints.push(message.text()))
  page.on('pageerror', (error) => complaints.push(error.message))
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  await encoded(page, ['a red sky'])
  expect(requests.filter((url) => !url.startsWith(harness.url))).toEqual([])
  expect(requests.filter((url) => url.endsWith('.wasm'))).toHaveLength(1)
  expect(requests.some((url) => url.includes('asyncify') || url.includes('jsep'))).toBe(false)
  expect(complaints).toEqual([])
})

for (const [what, change, code, found] of [
  ['missing', () => null, 'weights-missing', 'status 404'],
  ['truncated', (bytes: Buffer) => bytes.subarray(0, 1000), 'weights-truncated', 1000],
  [
    'changed',
    (bytes: Buffer) => Buffer.concat([bytes.subarray(0, 5000), Buffer.alloc(bytes.length - 5000)]),
    'weights-corrupt',
    expect.stringMatching(/^[0-9a-f]{64}$/),
  ],
] as const) {
  test(`names a ${what} encoder with what was found, and works at a later attempt`, async ({ page, harness }) => {
    serveStarter(harness, (path, bytes) => (path === ENCODER ? change(bytes) : bytes))
    const { error } = await encode(page, ['a red sky'])
    expect(error).toMatchObject({ code, details: { file: ENCODER, found } })
    serveStarter(harness)
    expect((await encoded(page, ['a red sky']))[0]!.tokens).toBe(5)
  })
}

test('rejects an encoder that the runtime cannot load as weights-corrupt', async ({ page, harness }) => {
  const bad = Buffer.from('this is not a model')
  const sha256 = createHash('sha256').update(bad).digest('hex')
  serveStarter(harness, (path, bytes) => {
    if (path === ENCODER) return bad
    if (path !== 'kinora.json') return bytes
    const manifest = JSON.parse(bytes.toString()) as { files: { path: string; bytes: number; sha256: string }[] }
    const entry = manifest.files.find((f) => f.path === ENCODER)!
    Object.assign(entry, { bytes: bad.length, sha256 })
    return Buffer.from(JSON.stringify(manifest))
  })
  const { error } = await encode(page, ['a red sky'])
  expect(error).toMatchObject({ code: 'weights-corrupt', details: { file: ENCODER } })
})
