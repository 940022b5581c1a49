// Four screens and two details: the address after # is all the router there is.

export type Route = { view: 'create' } | { view: 'library'; clip: string | null } | { view: 'models'; source?: string } | { view: 'settings' }

/** Reads `#/create`, `#/library`, `#/library/ID`, `#/models`, `#/models/SOURCE`, `#/settings`; anything else is create. Pure. */
export function parseRoute(hash: string): Route {
  const [view, id] = hash.replace(/^#\/?/, '').split('/')
  if (view === 'library') return { view, clip: id ? decoded(id) : null }
  if (view === 'models') return { view, ...(id && { source: decoded(id) }) }
  if (view === 'settings') return { view }
  return { view: 'create' }
}

/** An address that someone mistyped leads to a clip that is not there, not to an error. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
