// Serves the benchmark's page with the starter's files beside it. Only `npm run bench:browser` uses it.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

export default defineConfig({
  root: path('.'),
  appType: 'mpa',
  publicDir: path('../../../public'),
  logLevel: 'error',
  cacheDir: path('../../../node_modules/.cache/kinora/bench-vite'),
  server: { port: 0, host: '127.0.0.1', hmr: false, fs: { allow: [path('../../..')] } },
  // its runtime loads the wasm file from its own folder
  optimizeDeps: { exclude: ['onnxruntime-web'] },
})
