import { parseRoute } from './parse-route'
import type { Route } from './parse-route'

/** The current view, from the URL fragment. */
class Router {
  route = $state.raw<Route>(parseRoute(location.hash))

  constructor() {
    addEventListener('hashchange', () => {
      // fragments such as `#main` of the skip link are not routes
      if (location.hash === '' || location.hash.startsWith('#/')) this.route = parseRoute(location.hash)
    })
  }

  /** Changes the route without a history entry, for example to close the details of a clip. */
  replace(hash: string): void {
    history.replaceState(null, '', hash)
    this.route = parseRoute(hash)
  }
}

export const router = new Router()
