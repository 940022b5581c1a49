// `test` with a hub of small LTX-Video files beside the built page, and user actions in Models.
import type { BrowserContext, Page } from '@playwright/test'
import { expect, test as base } from './app'
import { ModelHub } from './model-hub'

export interface TinyHub {
  /** the page's origin, without a slash at its end */
  url: string
  hub: ModelHub
}

/** @param files the bytes of each path of the hub */
export function withTinyHub(files: () => Record<string, Uint8Array>) {
  return base.extend<object, { site: TinyHub }>({
    site: [
      async ({ serve, build }, use) => {
        const hub = new ModelHub(files())
        const server = await serve([hub.plugin(build)])
        await use({ url: server.url, hub })
        await server.close()
      },
      { scope: 'worker' },
    ],
  })
}

/** The same with one page for all tests of a file, which share downloads and compiled kernels. */
export function withTinyHubPage(files: () => Record<string, Uint8Array>) {
  return withTinyHub(files).extend<{ page: Page; context: BrowserContext }, { shared: { page: Page; context: BrowserContext } }>({
    shared: [
      async ({ browser }, use) => {
        const context = await browser.newContext({ serviceWorkers: 'block', viewport: { width: 1280, height: 800 }, colorScheme: 'dark' })
        await use({ context, page: await context.newPage() })
        await context.close()
      },
      { scope: 'worker' },
    ],
    context: async ({ shared }, use) => use(shared.context),
    page: async ({ shared }, use) => use(shared.page),
  })
}

export const card = (page: Page, model: string) => page.getByRole('article', { name: model })

/** Opens Models, with the hub as its mirror. */
export async function openModels(page: Page, { url, hub }: TinyHub): Promise<void> {
  hub.reset()
  await page.addInitScript((mirror) => localStorage.setItem('kinora.mirror', JSON.stringify(mirror)), ModelHub.url(url))
  await page.goto(`${url}/#/models`)
}

/** Downloads a model with the selected encoder; accepted licenses are not requested again. */
export async function download(page: Page, model: string): Promise<void> {
  const complete = page.getByRole('status', { name: `Status of ${model}` }).filter({ hasText: 'Ready' })
  const begin = card(page, model).getByRole('button', { name: /^(Download|Resume)/ })
  await expect(begin.or(complete).first()).toBeVisible()
  if (await complete.isVisible()) return
  // if only the encoder is missing, the button is Resume
  await card(page, model)
    .getByRole('button', { name: /^(Download|Resume)/ })
    .click({ timeout: 15_000 })
  const accept = page.getByRole('button', { name: 'Accept and download' })
  const status = page.getByRole('status', { name: `Status of ${model}` })
  await expect(accept.or(status.filter({ hasText: /./ })).first()).toBeVisible()
  if (await accept.isVisible()) await accept.click()
  await expect(status).toContainText('Ready. All files were verified.', { timeout: 30_000 })
}
