// How much of the machine's memory the page and its workers hold: JavaScript heaps, array buffers and WebAssembly memories, as the
// browser's DevTools count them, also while a worker is busy.
import type { CDPSession, Page } from 'playwright'

const EVERY_MS = 100

/** One JavaScript heap: the page's or a worker's. */
interface Heap {
  ask: (method: string, params?: object) => Promise<unknown>
  bytes: number
  asking: boolean
}

/** What was held at most so far. */
export interface HostMemoryWatch {
  peakBytes(): number
  stop(): void
}

/**
 * In the console of each worker before its first line: no count of DevTools has WebAssembly memories, so that the worker notes its own.
 * A memory is exported by an instance, or made first and imported.
 */
const COUNT_WASM = `(() => {
  const seen = new Set()
  globalThis.kinoraWasmBytes = () => [...seen].reduce((sum, one) => sum + (one.deref()?.buffer.byteLength ?? 0), 0)
  const note = (value) => { if (value instanceof Memory) seen.add(new WeakRef(value)) }
  const { Memory, instantiate, instantiateStreaming } = WebAssembly
  WebAssembly.Memory = new Proxy(Memory, { construct: (target, given) => { const memory = new target(...given); note(memory); return memory } })
  const noted = (result) => { Object.values((result.instance ?? result).exports).forEach(note); return result }
  WebAssembly.instantiate = (...given) => instantiate.apply(WebAssembly, given).then(noted)
  WebAssembly.instantiateStreaming = (...given) => instantiateStreaming.apply(WebAssembly, given).then(noted)
})()`
const WASM_BYTES = 'globalThis.kinoraWasmBytes?.() ?? 0'

/**
 * Looks ten times a second, until it is stopped. Workers that start later are counted too.
 * @param live collects garbage before each look: what is counted is in use, however late the browser is to clear away
 */
export async function watchHostMemory(page: Page, { live = false } = {}): Promise<HostMemoryWatch> {
  const devtools = await page.context().newCDPSession(page)
  const heaps = new Map<string, Heap>([
    ['page', { ask: (method, params) => devtools.send(method as 'Runtime.evaluate', params as never), bytes: 0, asking: false }],
  ])
  let peak = 0

  await attachWorkers(devtools, heaps)
  const timer = setInterval(() => {
    for (const heap of heaps.values()) void sample(heap, live)
    peak = Math.max(
      peak,
      [...heaps.values()].reduce((sum, { bytes }) => sum + bytes, 0),
    )
  }, EVERY_MS)
  return { peakBytes: () => peak, stop: () => clearInterval(timer) }
}

/** A heap that does not answer keeps its last count. */
async function sample(heap: Heap, live: boolean): Promise<void> {
  if (heap.asking) return
  heap.asking = true
  try {
    if (live) await heap.ask('HeapProfiler.collectGarbage')
    const usage = (await heap.ask('Runtime.getHeapUsage')) as { usedSize: number; embedderHeapUsedSize: number; backingStorageSize: number }
    const wasm = (await heap.ask('Runtime.evaluate', { expression: WASM_BYTES, returnByValue: true })) as { result: { value?: number } }
    heap.bytes = usage.usedSize + usage.embedderHeapUsedSize + usage.backingStorageSize + (wasm.result.value ?? 0)
  } catch {
    // the page is being closed
  } finally {
    heap.asking = false
  }
}

/** Playwright has no sessions for workers: their messages travel inside the page's. */
async function attachWorkers(devtools: CDPSession, heaps: Map<string, Heap>): Promise<void> {
  const answers = new Map<number, (result: unknown) => void>()
  let last = 0
  const ask =
    (sessionId: string) =>
    (method: string, params: object = {}) =>
      new Promise<unknown>((resolve, reject) => {
        const id = ++last
        answers.set(id, resolve)
        devtools.send('Target.sendMessageToTarget', { sessionId, message: JSON.stringify({ id, method, params }) }).catch(reject)
      })
  devtools.on('Target.receivedMessageFromTarget', ({ message }) => {
    const { id, result } = JSON.parse(message) as { id?: number; result?: unknown }
    if (id === undefined) return
    answers.get(id)?.(result)
    answers.delete(id)
  })
  devtools.on('Target.attachedToTarget', ({ sessionId }) => {
    const worker = { ask: ask(sessionId), bytes: 0, asking: false }
    heaps.set(sessionId, worker)
    for (const [method, params] of [
      ['Runtime.evaluate', { expression: COUNT_WASM }],
      ['Runtime.runIfWaitingForDebugger', {}],
    ] as const) {
      worker.ask(method, params).catch(() => undefined) // it ended as it began
    }
  })
  devtools.on('Target.detachedFromTarget', ({ sessionId }) => void heaps.delete(sessionId))
  await devtools.send('Target.setAutoAttach', { autoAttach: true, waitForDebuggerOnStart: true, flatten: false })
}
