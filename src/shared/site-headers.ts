// Headers of every response of this site: sent by the dev and preview servers, and added by the service worker on static hosts.
import { HUB } from './model-catalogue.ts' // with its extension: vite.config.ts imports this file, and may run without a bundler

/** Parameters of the policy. */
export interface PolicyOptions {
  /** the dev server injects style elements; the production build has none */
  dev?: boolean
  /** the mirror from parseMirror: its origin is allowed too */
  mirror?: string | null
}

/**
 * All code comes from this origin; only model files may be read from elsewhere, from the hosts of the model catalogue.
 * `wasm-unsafe-eval` is for ONNX Runtime's wasm. Blob workers are for mediabunny 1.61, which merges the color and alpha tracks of a video
 * in such workers: delete `blob:` when it accepts a worker URL of this origin.
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
 * the page embeds nothing from elsewhere, and Safari only supports the former.
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
