import { parseMirror } from '../shared/mirror'
import type { FromServiceWorker, ToServiceWorker } from '../shared/service-worker-messages'
import { readStored, writeStored } from './stored'

/** Milliseconds to wait for the service worker's answer. */
const ANSWER_MS = 3000

/** The server that models are downloaded from in place of the hub, when the person names one. */
class Mirror {
  /** as parseMirror gives it; null: the hub */
  url = $state.raw<string | null>(readKept())
  /** the page's policy still is the one from before: a reload brings the new one */
  needsReload = $state(false)

  /**
   * Keeps an address, or with empty text goes back to the hub. This page may read from it after the next reload.
   * @throws AppError bad-request when it is no address
   */
  async set(text: string): Promise<void> {
    const url = parseMirror(text)
    if (url === this.url) return
    this.url = url
    writeStored('mirror', url)
    this.needsReload = await tellServiceWorker(url)
  }
}

function readKept(): string | null {
  const kept = readStored('mirror')
  try {
    return typeof kept === 'string' ? parseMirror(kept) : null
  } catch {
    return null
  }
}

/** Whether there is a service worker that will put the mirror into the policy. */
async function tellServiceWorker(url: string | null): Promise<boolean> {
  const { active } = (await navigator.serviceWorker?.getRegistration()) ?? {}
  if (!active) return false
  const { port1, port2 } = new MessageChannel()
  const answered = new Promise<boolean>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<FromServiceWorker>) => resolve(data.type === 'mirror-set')
    setTimeout(() => resolve(false), ANSWER_MS)
  })
  active.postMessage({ type: 'set-mirror', url } satisfies ToServiceWorker, [port2])
  return answered
}

export const mirror = new Mirror()
