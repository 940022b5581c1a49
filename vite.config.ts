import { svelte } from '@sveltejs/vite-plugin-svelte'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'
import { defineConfig } from 'vitest/config'
import { contentSecurityPolicy, siteHeaders } from './src/shared/site-headers.ts'

const testEnvFile = 'node_modules/.cache/kinora/test-env.json'

// What `npm test` found for Dawn (a Vulkan driver); set here so that the forked test processes inherit it.
if (process.env.VITEST) {
  try {
    const found = JSON.parse(readFileSync(testEnvFile, 'utf8')) as { env?: Record<string, string> }
    Object.assign(process.env, found.env)
  } catch {
    // no test environment noted yet: the system's own drivers are used
  }
}

/** Hosts that send no headers of their own still get the policy; the dev server's differs and is sent as a header. */
function policyForStaticHosts(): Plugin {
  return {
    name: 'kinora:policy',
    apply: 'build',
    transformIndexHtml: () => [{ tag: 'meta', attrs: { 'http-equiv': 'Content-Security-Policy', content: contentSecurityPolicy() }, injectTo: 'head-prepend' }],
  }
}

/** Builds src/service-worker.ts with the list of built files; the page registers it, and public/ has the web manifest. */
function serviceWorker() {
  return VitePWA({
    strategies: 'injectManifest',
    srcDir: 'src',
    filename: 'service-worker.ts',
    injectRegister: false,
    manifest: false,
    injectManifest: {
      rollupFormat: 'iife',
      globPatterns: ['**/*.{html,js,mjs,css,svg,png,woff2,webmanifest,wasm}'],
      // models are kept under their hashes, and only app stores look at screenshots
      globIgnores: ['models/**', 'screenshots/**'],
      dontCacheBustURLsMatching: /^assets\//,
      maximumFileSizeToCacheInBytes: 32 * 2 ** 20,
    },
  })
}

export default defineConfig({
  // a missing file is a 404 and never the page: there is one page, at /
  appType: 'mpa',
  plugins: [svelte({ configFile: false }), policyForStaticHosts(), process.env.VITEST ? [] : serviceWorker()],
  resolve: {
    alias: [
      // One copy of ONNX Runtime: transformers.js asks for the one with WebGPU (26 MB of wasm), the text encoder runs on plain wasm (13 MB).
      // The build with its glue code in a file of its own: bundled, its threads would load the whole text worker each.
      { find: /^onnxruntime-web\/(webgpu|wasm)$/, replacement: fileURLToPath(new URL('node_modules/onnxruntime-web/dist/ort.wasm.min.mjs', import.meta.url)) },
    ],
  },
  worker: {
    format: 'es',
    // workers and wasm in a folder of their own: the service worker keeps them apart from the shell
    rolldownOptions: {
      output: {
        entryFileNames: 'assets/engine/[name]-[hash].js',
        chunkFileNames: 'assets/engine/[name]-[hash].js',
        assetFileNames: 'assets/engine/[name]-[hash][extname]',
      },
    },
  },
  server: { port: 4173, headers: siteHeaders({ dev: true }) },
  preview: { port: 4173, headers: siteHeaders() },
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
        // one process for each adapter profile: scripts/adapter-profiles.ts
        test: {
          name: 'adapter-profiles',
          environment: 'node',
          include: ['tests/adapter-profiles/**/*.test.ts'],
          pool: 'forks',
          maxWorkers: 1,
          testTimeout: 180_000,
          hookTimeout: 180_000,
        },
      },
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
