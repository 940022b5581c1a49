// A mirror: another server with the hub's paths. Its address is the person's own setting, and becomes a part of the page's policy.
import { AppError } from './errors'

/**
 * Brings what a person typed into the form in which it is kept: an absolute URL that ends in /. Empty text is no mirror.
 * @throws AppError bad-request, saying what an address looks like
 */
export function parseMirror(text: string): string | null {
  const typed = text.trim()
  if (typed === '') return null
  const refuse = (why: string) =>
    new AppError('bad-request', `“${typed}” is no address of a mirror: ${why}. Expected something like https://mirror.example/models/.`, { field: 'mirror', found: typed })
  if (!URL.canParse(typed)) throw refuse('it is no URL')
  const url = new URL(typed)
  if (url.username || url.password) throw refuse('a name and password in it would be sent in the clear')
  if (url.search || url.hash) throw refuse('? and # have no place in it')
  // the policy is a list parted by spaces and semicolons, and a host may hold either of the two, quotes and commas
  if (!/^[a-z0-9.-]+$/.test(url.hostname)) throw refuse('its host has characters other than letters, digits, dots and hyphens')
  const local = url.hostname === 'localhost' || url.hostname === '127.0.0.1'
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && local)) throw refuse('it must begin with https: (plain http is for this machine alone)')
  return url.href.endsWith('/') ? url.href : `${url.href}/`
}
