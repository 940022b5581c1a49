// A mirror: another server with the hub's paths. Its address is a setting, and part of the page's Content-Security-Policy.
import { AppError } from './errors'

/**
 * Normalizes a typed address to an absolute URL that ends in /; null for empty text.
 * @throws AppError bad-request with an example of an address
 */
export function parseMirror(text: string): string | null {
  const typed = text.trim()
  if (typed === '') return null
  const invalid = (why: string) =>
    new AppError('bad-request', `Expected the address of a mirror, such as https://mirror.example/models/, got “${typed}”: ${why}.`, {
      field: 'mirror',
      found: typed,
    })
  if (!URL.canParse(typed)) throw invalid('it is not a URL')
  const url = new URL(typed)
  if (url.username || url.password) throw invalid('a name and password in it would be visible; remove them')
  if (url.search || url.hash) throw invalid('it must not contain ? or #')
  // the policy is separated by spaces and semicolons, which a URL's host may contain, as well as quotes and commas
  if (!/^[a-z0-9.-]+$/.test(url.hostname)) throw invalid('its host must consist of letters, digits, dots and hyphens')
  const local = url.hostname === 'localhost' || url.hostname === '127.0.0.1'
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) throw invalid('it must start with https: (http: is only allowed for this machine)')
  return url.href.endsWith('/') ? url.href : `${url.href}/`
}
