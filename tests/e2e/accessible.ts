// What every screen has to be in each of its states: without faults that axe finds, and no wider than its window.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect } from './app'

/** @param when the state, for the message */
export async function expectAccessible(page: Page, when: string): Promise<void> {
  await holdStill(page)
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode()
    .options({ resultTypes: ['violations'] })
    .analyze()
  await page.evaluate(() => (document.adoptedStyleSheets = []))
  expect(violations.map(({ id, nodes }) => `${when}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
  const width = page.viewportSize()?.width ?? 0
  expect(await page.evaluate(() => document.documentElement.scrollWidth), `${when}: the page scrolls sideways`).toBeLessThanOrEqual(width)
}

/** Between two colours a button has too little contrast: changes are sudden from now on, and what fades in once is waited for. */
async function holdStill(page: Page): Promise<void> {
  await page.evaluate(() => {
    const sudden = new CSSStyleSheet()
    sudden.replaceSync('*, ::before, ::after { transition: none !important }')
    document.adoptedStyleSheets = [sudden]
    return Promise.allSettled(
      document.getAnimations().flatMap(({ effect, finished }) => (effect?.getComputedTiming().iterations === Infinity ? [] : [finished])),
    )
  })
}
