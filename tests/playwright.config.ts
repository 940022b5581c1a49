// Tests in a real Chromium. `npx playwright test --config tests --project=page queue` runs one file of one project; docs/testing.md says what each is for.
import { defineConfig } from '@playwright/test'
import { chromiumFlags, findChromium } from './e2e/browser'
import type { AppOptions } from './e2e/app'
import { scriptedDist } from './page/build'

const CORES = 2

export default defineConfig<object, AppOptions>({
  outputDir: '../test-results',
  workers: CORES,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 15_000 },
  globalSetup: './e2e/ensure-build.ts',
  reporter: [['list'], ...(process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [['json'] as ['json']] : [])],
  use: {
    browserName: 'chromium',
    viewport: { width: 1280, height: 800 },
    colorScheme: 'dark',
    // tests watch and replace requests; those about the service worker allow it
    serviceWorkers: 'block',
    screenshot: 'only-on-failure',
    // a missing element fails its test long before the test's own limit
    actionTimeout: 60_000,
    launchOptions: { executablePath: findChromium(), args: chromiumFlags('swiftshader') },
  },
  projects: [
    // the page against the scripted generator: no GPU, so that two tests run at once
    { name: 'page', testDir: './page', fullyParallel: true, workers: CORES, use: { build: scriptedDist } },
    // single workers behind a page of their own
    {
      name: 'workers',
      testDir: './workers',
      fullyParallel: false,
      workers: CORES,
      // memory is measured immediately and not at the next garbage collection, 20 s later
      use: { launchOptions: { executablePath: findChromium(), args: [...chromiumFlags('swiftshader'), '--enable-blink-features=ForceEagerMeasureMemory'] } },
    },
    // the production build with Chromium's software adapter, everywhere the same: it uses every core, so that one test runs at a time
    { name: 'engine', testDir: './e2e', fullyParallel: false, workers: 1, timeout: 600_000 },
    // what takes minutes: npm run test:full
    { name: 'full', testDir: './full', fullyParallel: false, workers: 1, timeout: 1_800_000 },
  ],
})
