import { queue } from './queue.svelte'

/**
 * Updates of the page. A new version is never activated by itself: the page reloads only when the user asks for it and no job is
 * running or waiting.
 */
class Update {
  #waiting = $state.raw<ServiceWorker | null>(null)
  #requested = false

  /** whether a new version is ready and no job would be interrupted */
  readonly available = $derived(this.#waiting !== null && !queue.busy)

  /** Registers the service worker of the production build. */
  async register(): Promise<void> {
    if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return
    navigator.serviceWorker.addEventListener('controllerchange', () => {
      if (this.#requested && !queue.busy) location.reload()
    })
    try {
      const registration = await navigator.serviceWorker.register('/service-worker.js')
      this.#setWaiting(registration)
      registration.addEventListener('updatefound', () => {
        registration.installing?.addEventListener('statechange', () => this.#setWaiting(registration))
      })
    } catch {
      // the page works without it, except offline
    }
  }

  /** Activates the new version; the page reloads afterwards. */
  apply(): void {
    if (!this.available) return
    this.#requested = true
    this.#waiting?.postMessage({ type: 'skip-waiting' })
  }

  /** A waiting service worker is an update only if an older one controls the page, which is not the case on the first visit. */
  #setWaiting({ waiting }: ServiceWorkerRegistration): void {
    if (navigator.serviceWorker.controller) this.#waiting = waiting
  }
}

export const update = new Update()
