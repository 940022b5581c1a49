// Three screens and one detail: the address after # is all the router there is.

export type Route = { view: 'create' } | { view: 'library'; clip: string | null } | { view: 'settings' }

/** Reads `#/create`, `#/library`, `#/library/ID`, `#/settings`; anything else is create. Pure. */
export function parseRoute(hash: string): Route {
  const [view, id] = hash.replace(/^#\/?/, '').split('/')
  if (view === 'library') return { view, clip: id ? decodeURIComponent(id) : null }
  if (view === 'settings') return { view }
  return { view: 'create' }
}

class Router {
  route = $state.raw<Route>(parseRoute(location.hash))

  constructor() {
    addEventListener('hashchange', () => {
      // `#main` of the skip link and the like are places on a page, not pages
      if (location.hash === '' || location.hash.startsWith('#/')) this.route = parseRoute(location.hash)
    })
  }

  /** Replaces the address without a history entry: closing a detail is not a page to go back to. */
  replace(hash: string): void {
    history.replaceState(null, '', hash)
    this.route = parseRoute(hash)
  }
}

export const router = new Router()
