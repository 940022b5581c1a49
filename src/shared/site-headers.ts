// Headers of every answer from this site: sent by the dev and preview servers, and added by the service worker on static hosts.
import { HUB } from './model-catalogue.ts' // with its ending: vite.config.ts, which imports this file, may be run without a bundler

/** What the policy depends on. */
export interface PolicyOptions {
  /** the dev server injects style elements; the production build has none */
  dev?: boolean
  /** the person's mirror, as parseMirror gives it: its origin may be read from too */
  mirror?: string | null
}

/**
 * Everything that runs comes from this origin; only models' files are read from elsewhere, from where the table of sources
 * says. `wasm-unsafe-eval` is for ONNX Runtime's wasm; workers from blobs are for mediabunny, which mixes the colours and the transparency of a
 * video in workers that it makes so (1.61): to be deleted when it takes an address of this origin for them.
 */
export function contentSecurityPolicy({ dev = false, mirror = null }: PolicyOptions = {}): string {
  return [
    `default-src 'self'`,
    `script-src 'self' 'wasm-unsafe-eval'`,
    `worker-src 'self' blob:`,
    ['connect-src', `'self'`, ...HUB.origins, ...(mirror === null ? [] : [new URL(mirror).origin])].join(' '),
    `img-src 'self' blob: data:`,
    `media-src 'self' blob:`,
    `style-src 'self'${dev ? ` 'unsafe-inline'` : ''}`,
    `object-src 'none'`,
    `base-uri 'self'`,
    `form-action 'self'`,
  ].join('; ')
}

/**
 * Cross-origin isolation gives shared memory and precise timers. `require-corp` and not `credentialless`:
 * the page embeds nothing from elsewhere, and Safari knows only the former.
 */
export function siteHeaders(options: PolicyOptions = {}): Record<string, string> {
  return {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Security-Policy': contentSecurityPolicy(options),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
}
