// The messages between page and service worker.

/** Page to service worker. */
export type ToServiceWorker =
  /** activates a waiting version; sent when no generation is running */
  | { type: 'skip-waiting' }
  /** caches what generating offline needs; also done after an install, harmless to repeat */
  | { type: 'prepare-offline' }
  /** the mirror from parseMirror: pages may read from it after the next reload. Answered with `mirror-set` on the message's port */
  | { type: 'set-mirror'; url: string | null }

/** Service worker to every page. */
export type FromServiceWorker =
  /** workers, wasm and the starter's weights are cached: generating no longer needs a network */
  | { type: 'offline-ready' }
  /** responses have the mirror in their policy from now on */
  | { type: 'mirror-set' }
