// What page and service worker say to each other.

/** Page to service worker. */
export type ToServiceWorker =
  /** a waiting version may take over now: the page asks when no generation runs */
  | { type: 'skip-waiting' }
  /** fetch what generating without a network needs; done already after an install, harmless to repeat */
  | { type: 'prepare-offline' }
  /** the person's mirror, as parseMirror gives it: from the next reload on, pages may read from it. Answered with `mirror-set` on the port that comes along */
  | { type: 'set-mirror'; url: string | null }

/** Service worker to every page. */
export type FromServiceWorker =
  /** workers, wasm and the starter's weights are here: generating needs no network any more */
  | { type: 'offline-ready' }
  /** the mirror is kept: answers from now on have it in their policy */
  | { type: 'mirror-set' }
