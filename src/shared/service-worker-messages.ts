// What page and service worker say to each other.

/** Page to service worker. */
export type ToServiceWorker =
  /** a waiting version may take over now: the page asks when no generation runs */
  | { type: 'skip-waiting' }
  /** fetch what generating without a network needs; done already after an install, harmless to repeat */
  | { type: 'prepare-offline' }

/** Service worker to every page. */
export type FromServiceWorker =
  /** workers, wasm and the starter's weights are here: generating needs no network any more */
  { type: 'offline-ready' }
