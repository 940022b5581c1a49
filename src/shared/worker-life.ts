// How a page notices that a worker is gone. A worker that ends by itself, or that the browser ends, sends no event; its locks are released.

/** What a worker posts once: the name of the lock that it holds until it ends. */
export interface Announcement {
  workerLock: string
}

/** Called once in a worker, before its first call. Without locks (a page that is no secure context) the end is not noticed. */
export function announceWorker(): void {
  const workerLock = `kinora worker ${crypto.randomUUID()}`
  const hold = () => {
    postMessage({ workerLock } satisfies Announcement)
    return new Promise<never>(() => undefined)
  }
  if ('locks' in navigator) navigator.locks.request(workerLock, hold).catch(() => undefined)
}

/** Calls `onEnd` when a worker that has announced itself is gone. */
export function watchWorker(worker: Worker, onEnd: () => void): void {
  worker.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (typeof data !== 'object' || data === null || !('workerLock' in data) || typeof data.workerLock !== 'string') return
    navigator.locks.request(data.workerLock, onEnd).catch(() => undefined)
  })
}
