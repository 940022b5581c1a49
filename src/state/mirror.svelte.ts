import { parseMirror } from '../shared/mirror'
import type { FromServiceWorker, ToServiceWorker } from '../shared/service-worker-messages'
import { readStored, writeStored } from './stored'

/** Milliseconds to wait for a reply of the service worker. */
const REPLY_TIMEOUT_MS = 3000

/** The server that models are downloaded from instead of the hub, if the user sets one. */
class Mirror {
  /** normalized by parseMirror; null for the hub */
  url = $state.raw<string | null>(readMirror())
  /** whether a reload is required for the new content security policy */
  needsReload = $state(false)

  /**
   * Sets the address of the mirror; an empty text restores the hub. The page can connect to it after the next reload.
   * @throws AppError bad-request if the text is not a valid address
   */
  async set(text: string): Promise<void> {
    const url = parseMirror(text)
    if (url === this.url) return
    this.url = url
    writeStored('mirror', url)
    this.needsReload = await notifyServiceWorker(url)
  }
}

function readMirror(): string | null {
  const stored = readStored('mirror')
  try {
    return typeof stored === 'string' ? parseMirror(stored) : null
  } catch {
    return null
  }
}

/** Sends the mirror to the service worker. @returns whether the service worker will add it to the content security policy */
async function notifyServiceWorker(url: string | null): Promise<boolean> {
  const { active } = (await navigator.serviceWorker?.getRegistration()) ?? {}
  if (!active) return false
  const { port1, port2 } = new MessageChannel()
  const reply = new Promise<boolean>((resolve) => {
    port1.onmessage = ({ data }: MessageEvent<FromServiceWorker>) => resolve(data.type === 'mirror-set')
    setTimeout(() => resolve(false), REPLY_TIMEOUT_MS)
  })
  active.postMessage({ type: 'set-mirror', url } satisfies ToServiceWorker, [port2])
  return reply
}

export const mirror = new Mirror()
