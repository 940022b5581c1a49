import { parseRoute } from './parse-route'
import type { Route } from './parse-route'

/** The screen that is shown, after the address. */
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
