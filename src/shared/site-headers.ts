// Headers of every answer from this site: sent by the dev and preview servers, and added by the service worker on static hosts.

/**
 * Everything comes from this origin: scripts, workers, weights. `wasm-unsafe-eval` is for ONNX Runtime's wasm.
 * @param dev the dev server injects style elements; the production build has none
 */
export function contentSecurityPolicy(dev = false): string {
  return [
    `default-src 'self'`,
    `script-src 'self' 'wasm-unsafe-eval'`,
    `worker-src 'self'`,
    `connect-src 'self'`,
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
export function siteHeaders(dev = false): Record<string, string> {
  return {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Security-Policy': contentSecurityPolicy(dev),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
}
