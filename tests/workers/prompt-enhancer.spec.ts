// The language model in a real browser, on the runtime's wasm, against transformers' greedy answers.
import type { Page } from '@playwright/test'
import { expect, test, type HarnessServer } from './harness/serve'
import { enhancerCases, enhancerFiles } from '../e2e/prompt-enhancer-fixture'

/** Serves the tiny model; paths in `changed` have those bytes instead. */
function serve(harness: HarnessServer, changed: Record<string, Buffer> = {}): void {
  harness.serveModels((request, response) => {
    const path = (request.url ?? '').replace(/^\//, '')
    const bytes = changed[path] ?? enhancerFiles[path]
    if (bytes) response.end(bytes)
    else response.writeHead(404).end()
  })
}

const openModel = (page: Page) =>
  page.evaluate(async () => {
    const language = window.workers.openLanguage()
    Object.assign(window, { language })
    try {
      await language.open(new URL('models/', location.href).href)
      return null
    } catch (error) {
      return window.workers.toErrorData(error)
    }
  })

const write = (page: Page, words: string, seed?: number, stopAfter?: number) =>
  page.evaluate(([w, s, n]) => (window as unknown as { language: ReturnType<typeof window.workers.openLanguage> }).language.write(w, s, n), [
    words,
    seed,
    stopAfter,
  ] as const)

test('reads and generates the same ids as transformers, and reports each word', async ({ page, harness }) => {
  serve(harness)
  expect(await openModel(page)).toBeNull()
  expect(enhancerCases.length).toBeGreaterThan(3)
  for (const { words, prompt_ids, ids, text } of enhancerCases) {
    const answer = await write(page, words)
    expect(answer.promptIds, words).toEqual(prompt_ids)
    expect(answer.ids, words).toEqual(ids)
    expect(answer.text).toBe(text)
    expect(answer.partial.length, 'partial texts arrive during generation').toBeGreaterThan(10)
    expect(answer.partial.every((part) => text.startsWith(part))).toBe(true)
    expect(answer.partial.at(-1)).toBe(text)
  }
})

test('stops within a token, and repeats the text of a seed', async ({ page, harness }) => {
  serve(harness)
  await openModel(page)
  const [{ words, text, ids }] = enhancerCases as [(typeof enhancerCases)[number]]
  const stopped = await write(page, words, undefined, 5)
  expect(stopped.ids.length).toBeLessThan(ids.length)
  expect(stopped.partial.length, 'and the rest of the current word').toBeLessThanOrEqual(6)
  expect(text.startsWith(stopped.text)).toBe(true)
  const sampled = await write(page, 'a boat of blue tin', 7)
  expect(await write(page, 'a boat of blue tin', 7)).toEqual(sampled)
  const others = [await write(page, 'a boat of blue tin', 8), await write(page, 'a boat of blue tin', 9)]
  expect(new Set([sampled, ...others].map((one) => one.text)).size, 'another seed may give another text').toBeGreaterThan(1)
})

test('names a file that is not part of a model', async ({ page, harness }) => {
  serve(harness, { 'onnx/model_q4.onnx': Buffer.from('this is no graph') })
  expect(await openModel(page)).toMatchObject({ code: 'weights-corrupt', details: { file: 'onnx/model_q4.onnx' } })
  serve(harness, { 'tokenizer.json': Buffer.from('{}') })
  expect(await openModel(page)).toMatchObject({ code: 'weights-corrupt', details: { file: 'tokenizer.json' } })
  serve(harness, { 'config.json': Buffer.from('<html>') })
  expect(await openModel(page)).toMatchObject({ code: 'weights-corrupt', details: { file: 'config.json' } })
})
