import { defineConfig } from '@playwright/test'
import { chromiumFlags, findChromium } from './browser'

// Chromium's own software adapter, everywhere the same. It uses every core, so that one test runs at a time.
export default defineConfig({
  testDir: '.',
  outputDir: '../../test-results',
  workers: 1,
  fullyParallel: false,
  retries: 0,
  timeout: 600_000,
  expect: { timeout: 15_000 },
  globalSetup: './ensure-build.ts',
  reporter: [['list'], ...(process.env.PLAYWRIGHT_JSON_OUTPUT_FILE ? [['json'] as ['json']] : [])],
  use: {
    browserName: 'chromium',
    viewport: { width: 1280, height: 800 },
    colorScheme: 'dark',
    // tests watch and replace requests; those about the service worker allow it
    serviceWorkers: 'block',
    screenshot: 'only-on-failure',
    launchOptions: { executablePath: findChromium(), args: chromiumFlags('swiftshader') },
  },
})
