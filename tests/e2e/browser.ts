// The one way to start Chromium, for the command line and the end-to-end tests.
import { existsSync, readFileSync } from 'node:fs'
import { chromium } from 'playwright'
import type { BrowserContext, Page } from 'playwright'
import { findOnPath } from '../../scripts/process.mjs'
import { testEnvironmentFile } from '../../scripts/test-environment.mjs'

export interface BrowserOptions {
  /** `swiftshader`: Chromium's own software adapter; `default`: the machine's GPU, or else the former; `none`: no WebGPU at all */
  adapter: 'default' | 'swiftshader' | 'none'
  /** folder of a persistent profile; without one nothing is stored */
  profile?: string
  /** whether the page's service worker may run and answer requests in place of the server */
  serviceWorkers?: 'allow' | 'block'
  viewport?: { width: number; height: number }
  colorScheme?: 'dark' | 'light'
}

/** Flags that give headless Chromium a WebGPU adapter. */
export function chromiumFlags(adapter: BrowserOptions['adapter']): string[] {
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  if (adapter === 'none') return [...sandbox, '--disable-features=WebGPU,WebGPUService', '--disable-blink-features=WebGPU']
  const software = adapter === 'swiftshader' ? ['--use-webgpu-adapter=swiftshader'] : []
  return [...sandbox, '--enable-unsafe-webgpu', '--enable-features=Vulkan', '--ignore-gpu-blocklist', ...software]
}

/** An installed Chromium: the one named by KINORA_CHROMIUM, the one that `npm test` recorded, one on PATH, or Playwright's. */
export function findChromium(): string {
  const recorded = existsSync(testEnvironmentFile) ? (JSON.parse(readFileSync(testEnvironmentFile, 'utf8')) as { chromium?: string }).chromium : undefined
  const candidates = [
    process.env.KINORA_CHROMIUM,
    recorded,
    findOnPath(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome']),
    chromium.executablePath(),
  ]
  const found = candidates.find((path) => path && existsSync(path))
  if (!found) throw new Error('No Chromium here: install Debian’s package `chromium`, Google Chrome, or run `npx playwright install chromium`.')
  return found
}

/** Starts Chromium, passes one page to `use`, and always closes it. */
export async function withPage<T>(options: BrowserOptions, use: (page: Page, context: BrowserContext) => Promise<T>): Promise<T> {
  const launch = { executablePath: findChromium(), args: chromiumFlags(options.adapter), headless: true }
  const look = {
    serviceWorkers: options.serviceWorkers ?? 'block',
    viewport: options.viewport ?? { width: 1280, height: 800 },
    colorScheme: options.colorScheme ?? 'dark',
  } as const
  if (options.profile) {
    const context = await chromium.launchPersistentContext(options.profile, { ...launch, ...look })
    try {
      return await use(context.pages()[0] ?? (await context.newPage()), context)
    } finally {
      await context.close()
    }
  }
  const browser = await chromium.launch(launch)
  try {
    const context = await browser.newContext(look)
    return await use(await context.newPage(), context)
  } finally {
    await browser.close()
  }
}
