// The harness page: APIs of the real workers, for page.evaluate().
import { proxy, wrap, type Remote } from 'comlink'
import type { LibraryApi, TextApi } from '../../../src/shared/worker-apis'
import { registerErrorTransfer } from '../../../src/shared/error-transfer'
import { toErrorData } from '../../../src/shared/errors'
import type { DownloadHarness } from './download.worker'
import type { Harness } from './harness.worker'
import type { LanguageHarness } from './language.worker'
import type { MediaHarness } from './media.worker'
import type { WeightsHarness } from './weights.worker'

registerErrorTransfer()

const openHarness = () => new Worker(new URL('./harness.worker.ts', import.meta.url), { type: 'module', name: 'harness' })
const openLibrary = () => new Worker(new URL('../../../workers/library.worker.ts', import.meta.url), { type: 'module', name: 'library' })
/** @returns the port that the page would hand to the generate worker */
function openText(): MessagePort {
  const worker = new Worker(new URL('../../../workers/text.worker.ts', import.meta.url), { type: 'module', name: 'text' })
  const { port1, port2 } = new MessageChannel()
  worker.postMessage(port1, [port1])
  return port2
}
const openDownloads = () => new Worker(new URL('./download.worker.ts', import.meta.url), { type: 'module', name: 'downloads' })
const openMedia = () => new Worker(new URL('./media.worker.ts', import.meta.url), { type: 'module', name: 'media' })
const openLanguage = () => new Worker(new URL('./language.worker.ts', import.meta.url), { type: 'module', name: 'language' })
const openWeights = () => new Worker(new URL('./weights.worker.ts', import.meta.url), { type: 'module', name: 'weights' })

let weightsApi: Remote<WeightsHarness> | undefined
let harnessWorker = openHarness()

const workers = {
  harness: wrap<Harness>(harnessWorker),
  openLibrary: () => wrap<LibraryApi>(openLibrary()),
  openText: () => wrap<TextApi>(openText()),
  openDownloads: () => wrap<DownloadHarness>(openDownloads()),
  openLanguage: () => wrap<LanguageHarness>(openLanguage()),
  /** the same worker at each call: its kernels are compiled once */
  openWeights: () => (weightsApi ??= wrap<WeightsHarness>(openWeights())),
  media: wrap<MediaHarness>(openMedia()),
  proxy,
  toErrorData,
  /** ends the harness worker as a crash would, and starts another */
  restart() {
    harnessWorker.terminate()
    harnessWorker = openHarness()
    workers.harness = wrap<Harness>(harnessWorker)
  },
  /** a blob's bytes in base64, for the test process */
  async base64(blob: Blob): Promise<string> {
    const bytes = new Uint8Array(await blob.arrayBuffer())
    let text = ''
    for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
    return btoa(text)
  },
}

declare global {
  interface Window {
    workers: typeof workers
  }
}

window.workers = workers
