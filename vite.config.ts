import { svelte } from '@sveltejs/vite-plugin-svelte'
import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

const testEnvFile = 'node_modules/.cache/kinora/test-env.json'

/**
 * Everything comes from this origin: scripts, workers, weights. `wasm-unsafe-eval` is for ONNX Runtime's wasm.
 * Inline style *elements* are needed by the dev server only; the production build has none.
 */
export function contentSecurityPolicy(dev: boolean): string {
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
function headers(dev: boolean): Record<string, string> {
  return {
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Cross-Origin-Embedder-Policy': 'require-corp',
    'Cross-Origin-Resource-Policy': 'same-origin',
    'Content-Security-Policy': contentSecurityPolicy(dev),
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
  }
}

// What `npm test` found for Dawn (a Vulkan driver); set here so that the forked test processes inherit it.
if (process.env.VITEST) {
  try {
    const found = JSON.parse(readFileSync(testEnvFile, 'utf8')) as { env?: Record<string, string> }
    Object.assign(process.env, found.env)
  } catch {
    // no test environment noted yet: the system's own drivers are used
  }
}

export default defineConfig({
  plugins: [svelte({ configFile: false })],
  resolve: {
    alias: [
      // transformers.js asks for ONNX Runtime with its WebGPU provider (26 MB of wasm); the text encoder runs on the CPU (13 MB).
      { find: /^onnxruntime-web\/webgpu$/, replacement: 'onnxruntime-web/wasm' },
    ],
  },
  worker: { format: 'es' },
  server: { port: 4173, headers: headers(true) },
  preview: { port: 4173, headers: headers(false) },
  build: {
    target: ['chrome113', 'firefox141', 'safari26'],
    // no data: URLs, which the policy above refuses for fonts and workers
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1500,
  },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', environment: 'node', include: ['tests/unit/**/*.test.ts'], maxWorkers: 2, testTimeout: 20_000 },
      },
      {
        extends: true,
        test: {
          // Dawn in Node: one process at a time, for a software adapter already uses every core
          name: 'gpu',
          environment: 'node',
          include: ['tests/gpu/**/*.test.ts', 'tests/parity/**/*.test.ts'],
          pool: 'forks',
          fileParallelism: false,
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
})
