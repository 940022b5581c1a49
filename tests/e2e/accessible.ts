// The accessibility of a screen in one of its states: no faults that axe finds, and no wider than the viewport.
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
  expect(await page.evaluate(() => document.documentElement.scrollWidth), `${when}: no horizontal scrolling`).toBeLessThanOrEqual(width)
}

/** Disables transitions, during which the contrast may be too low, and waits for finite animations. */
async function holdStill(page: Page): Promise<void> {
  await page.evaluate(() => {
    const withoutTransitions = new CSSStyleSheet()
    withoutTransitions.replaceSync('*, ::before, ::after { transition: none !important }')
    document.adoptedStyleSheets = [withoutTransitions]
    return Promise.allSettled(
      document.getAnimations().flatMap(({ effect, finished }) => (effect?.getComputedTiming().iterations === Infinity ? [] : [finished])),
    )
  })
}
