// The router: the view is the URL fragment.

export type Route = { view: 'create' } | { view: 'library'; clip: string | null } | { view: 'models'; source?: string } | { view: 'settings' }

/** Reads `#/create`, `#/library`, `#/library/ID`, `#/models`, `#/models/SOURCE`, `#/settings`; anything else is Create. Pure. */
export function parseRoute(hash: string): Route {
  const [view, id] = hash.replace(/^#\/?/, '').split('/')
  if (view === 'library') return { view, clip: id ? decoded(id) : null }
  if (view === 'models') return { view, ...(id && { source: decoded(id) }) }
  if (view === 'settings') return { view }
  return { view: 'create' }
}

/** Decodes a part of the URL; an invalid escape is kept, which leads to a clip that does not exist instead of an error. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
