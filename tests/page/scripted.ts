// How a test writes the scripted generator's script.
import type { Page } from '@playwright/test'
import { SCRIPT_CACHE, SCRIPT_URL, type Script } from './script'

/** Jobs that begin from now on follow this script; the page must have been opened. */
export function follow(page: Page, script: Script): Promise<void> {
  return page.evaluate(async ([cache, url, text]) => (await caches.open(cache)).put(url, new Response(text)), [
    SCRIPT_CACHE,
    SCRIPT_URL,
    JSON.stringify(script),
  ] as const)
}
