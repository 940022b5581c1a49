// What every screen has to be in each of its states: without faults that axe finds, and no wider than its window.
import AxeBuilder from '@axe-core/playwright'
import type { Page } from '@playwright/test'
import { expect } from './app'

/** @param when the state, for the message */
export async function expectAccessible(page: Page, when: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze()
  expect(violations.map(({ id, nodes }) => `${when}: ${id}: ${nodes.map(({ html }) => html).join(' ')}`)).toEqual([])
  const width = page.viewportSize()?.width ?? 0
  expect(await page.evaluate(() => document.documentElement.scrollWidth), `${when}: the page scrolls sideways`).toBeLessThanOrEqual(width)
}
