// A batch from one form, side by side: other seeds, other prompts, a grid of two settings, and drafts that become clips.
import type { Page } from '@playwright/test'
import { expectAccessible } from '../e2e/accessible'
import { CLIP_MS, expect, openWith, smallClip, test } from '../e2e/app'
import { follow } from './scripted'
import { promptField, batchResults, yourClip } from '../e2e/locators'

const sheet = batchResults
const chooseBatch = (page: Page, name: string) => page.getByRole('radiogroup', { name: 'Batch' }).getByRole('radio', { name, exact: true }).click()

async function allDone(page: Page, count: number): Promise<void> {
  await expect(sheet(page).getByRole('status')).toHaveText(`${count} of ${count} done`, { timeout: count * CLIP_MS })
}

test.beforeEach(({ page }) => page.emulateMedia({ reducedMotion: 'reduce' }))

test('shows drafts side by side, and animates one with its prompt and size', async ({ page, app }, info) => {
  test.setTimeout(6 * CLIP_MS)
  const request = smallClip(app.starter, { steps: 3 })
  await openWith(page, app.url, request)
  await follow(page, { stepMs: 200 })
  await chooseBatch(page, 'Drafts')
  await page.getByRole('slider', { name: 'Draft steps' }).press('Home')
  await page.getByRole('button', { name: 'Generate 4' }).click()
  await expect(sheet(page).getByRole('listitem')).toHaveCount(4)
  await allDone(page, 4)
  await expect(sheet(page)).toContainText(`Seed ${request.seed + 3}`)
  await expect(page.getByText('faster than full clips'), 'no full clip exists yet').toBeHidden()
  await expectAccessible(page, 'side by side')
  await page.screenshot({ path: info.outputPath('drafts.png'), fullPage: true })

  await sheet(page)
    .getByRole('button', { name: `View Seed ${request.seed + 1}` })
    .click()
  const large = page.getByRole('img', { name: `Draft: ${request.prompt}` })
  await expect.poll(() => large.evaluate((image: HTMLImageElement) => [image.naturalWidth, image.naturalHeight])).toEqual([request.width, request.height])
  const waiting = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Download' }).click()
  expect((await waiting).suggestedFilename()).toMatch(/\.png$/)
  await page.getByRole('button', { name: 'View batch' }).click()

  await promptField(page).fill('something else')
  await sheet(page)
    .getByRole('button', { name: `Animate Seed ${request.seed + 2}` })
    .click()
  await expect(page.getByRole('group', { name: 'Mode and inputs' })).toContainText('This draft')
  await expect(promptField(page)).toHaveValue(request.prompt)
  await expect(promptField(page)).toBeFocused()
  await expect(page.getByRole('slider', { name: 'Steps', exact: true })).toHaveValue(String(request.steps))
  await page.keyboard.press('Control+Enter')
  const clip = page.getByLabel(`Clip: ${request.prompt}`)
  await expect(clip).toBeVisible({ timeout: CLIP_MS })
  await expect(yourClip(page)).toContainText(`${request.frames} frames`)
  await chooseBatch(page, 'Drafts')
  await expect(page.getByText(/Drafts are about \d+× faster than full clips\./)).toBeVisible()
})

test('shows variations and prompt alternatives as a table of seeds and prompts', async ({ page, app }, info) => {
  test.setTimeout(6 * CLIP_MS)
  const request = smallClip(app.starter, { prompt: 'a {red|blue} sky', steps: 2 })
  await openWith(page, app.url, request)
  await chooseBatch(page, '2')
  await page.getByRole('button', { name: 'Generate 4' }).click()
  for (const heading of [`Seed ${request.seed}`, `Seed ${request.seed + 1}`])
    await expect(sheet(page).getByRole('columnheader', { name: heading, exact: true })).toBeVisible()
  for (const heading of ['red', 'blue']) await expect(sheet(page).getByRole('rowheader', { name: heading, exact: true })).toBeVisible()
  await allDone(page, 4)
  await expectAccessible(page, 'side by side')
  await page.screenshot({ path: info.outputPath('variations.png'), fullPage: true })
  await page.setViewportSize({ width: 390, height: 800 })
  await expectAccessible(page, 'side by side')
  await page.screenshot({ path: info.outputPath('variations-narrow.png'), fullPage: true })
  await sheet(page)
    .getByRole('button', { name: `View blue, Seed ${request.seed + 1}` })
    .press('Enter')
  await expect(page.getByLabel('Clip: a blue sky')).toBeVisible()
  const facts = yourClip(page).locator('dd')
  await expect(facts.first()).toHaveText(String(request.seed + 1))
  await page.getByRole('link', { name: 'Library', exact: true }).click()
  await expect(page.getByRole('link', { name: 'a red sky' })).toHaveCount(2)
  await expect(page.getByRole('link', { name: 'a blue sky' })).toHaveCount(2)
})

test('rejects invalid grid values, and finishes a grid that a reload interrupted', async ({ page, app }, info) => {
  test.setTimeout(6 * CLIP_MS)
  const { min, max } = app.starter.steps
  await openWith(page, app.url, smallClip(app.starter))
  await follow(page, { stepMs: 700 })
  await chooseBatch(page, 'Grid…')
  const rows = page.getByRole('textbox', { name: 'Row values' })
  const off = page.locator('#generate-hint')
  await rows.fill(`${min}, many`)
  await expect(off).toHaveText('“many” is not a number. Enter values such as 4, 8, 12.')
  await rows.fill(`${min}, ${max + 1}`)
  await expect(off).toContainText(`steps: expected ${min} to ${max}, got ${max + 1}.`)
  await rows.fill('1, 2, 3, 4, 5, 6')
  await page.getByRole('textbox', { name: 'Column values' }).fill('1, 2, 3')
  await expect(off).toHaveText('This batch has 18 clips. The maximum is 16.')
  await expect(page.getByRole('button', { name: 'Generate', exact: false })).toBeDisabled()
  await expectAccessible(page, 'side by side')
  await rows.fill('2, 4')
  await page.getByRole('combobox', { name: 'Columns' }).selectOption('Seed')
  await page.getByRole('textbox', { name: 'Column values' }).fill('7, 9')
  await page.getByRole('button', { name: 'Generate 4' }).click()
  for (const heading of ['2 steps', '4 steps']) await expect(sheet(page).getByRole('rowheader', { name: heading, exact: true })).toBeVisible()
  await expect(sheet(page).getByRole('columnheader', { name: 'Seed 9', exact: true })).toBeVisible()
  await expect(sheet(page).getByRole('status')).toHaveText('1 of 4 done', { timeout: 2 * CLIP_MS })
  await page.screenshot({ path: info.outputPath('table.png'), fullPage: true })

  await page.reload()
  await page.getByRole('alert').filter({ hasText: '3 unfinished clips' }).getByRole('button', { name: 'Resume' }).click()
  await allDone(page, 4)
  await expect(sheet(page).getByRole('button', { name: 'View 2 steps, Seed 7' }), 'the clip from before the reload').toBeVisible()
})
