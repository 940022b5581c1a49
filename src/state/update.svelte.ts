import { queue } from './queue.svelte'

/**
 * A new version of the page that waits to be used. It never takes over by itself: the person asks for it,
 * and only then, with nothing running or waiting, does the page reload.
 */
class Update {
  #waiting = $state.raw<ServiceWorker | null>(null)
  #asked = false

  /** a new version is there, and nothing would be interrupted by it */
  readonly available = $derived(this.#waiting !== null && !queue.busy)

  /** Registers the service worker of the production build. */
  async register(): Promise<void> {
    if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
    navigator.serviceWorker.addEventListener('controllerchange', () => {
      if (this.#asked && !queue.busy) location.reload()
    })
    try {
      const registration = await navigator.serviceWorker.register('/service-worker.js')
      this.#notice(registration)
      registration.addEventListener('updatefound', () => {
        registration.installing?.addEventListener('statechange', () => this.#notice(registration))
      })
    } catch {
      // the page works without it; only offline use is lost
    }
  }

  /** Lets the waiting version take over; the page reloads when it has. */
  apply(): void {
    if (!this.available) return
    this.#asked = true
    this.#waiting?.postMessage({ type: 'skip-waiting' })
  }

  /** A waiting worker is news only when an older one is in charge: the first visit has nothing to update. */
  #notice({ waiting }: ServiceWorkerRegistration): void {
    if (navigator.serviceWorker.controller) this.#waiting = waiting
  }
}

export const update = new Update()
