// Writes the script of the scripted generator from a test.
import type { Page } from '@playwright/test'
import { SCRIPT_CACHE, SCRIPT_URL, type Script } from './script'

/** Sets the script of later jobs; the page must be open. */
export function follow(page: Page, script: Script): Promise<void> {
  return page.evaluate(async ([cache, url, text]) => (await caches.open(cache)).put(url, new Response(text)), [
    SCRIPT_CACHE,
    SCRIPT_URL,
    JSON.stringify(script),
  ] as const)
}
