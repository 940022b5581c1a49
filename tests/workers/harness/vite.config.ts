// Builds the workers' public functions into a page of their own, so that tests can call them in a real browser
// under the same headers and policy as the app. Only the tests use it: `npx vite build --config tests/workers/harness/vite.config.ts`
import { fileURLToPath } from 'node:url'
import { defineConfig, mergeConfig } from 'vite'
import app from '../../../vite.config.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))

const { resolve, worker } = app

export default mergeConfig(
  { resolve, worker },
  defineConfig({
    root: path('.'),
    appType: 'mpa',
    publicDir: false,
    logLevel: 'warn',
    cacheDir: path('../../../node_modules/.cache/kinora/harness-vite'),
    build: {
      outDir: path('../../../node_modules/.cache/kinora/harness'),
      emptyOutDir: true,
      target: app.build?.target,
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
    },
    preview: { headers: app.preview?.headers },
  }),
)
