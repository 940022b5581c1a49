// First-block cache: chosen in the form, saved with the clip, and shown. What it does to a clip: tests/e2e/jobs.spec.ts
import { CACHE_LEVELS } from '../../src/shared/cache-levels'
import { expectAccessible } from '../e2e/accessible'
import { CLIP_MS, expect, openWith, records, smallClip, test } from '../e2e/app'
import { generateButton, yourClip } from '../e2e/locators'

test('reports the first-block cache of a clip in the result and in the library', async ({ page, app }) => {
  const { threshold, name } = CACHE_LEVELS[CACHE_LEVELS.length - 1]!
  const request = smallClip(app.starter, { steps: 16, cacheThreshold: threshold })
  const { cacheThreshold: _chosen, ...without } = request
  await openWith(page, app.url, without)
  const choice = (level: string) => page.getByRole('radiogroup', { name: 'First-block cache' }).getByRole('radio', { name: level, exact: true })
  await page.getByText('Advanced', { exact: true }).click()
  await expect(choice('Off')).toBeChecked()
  await choice(name).check()
  await page.reload()
  await expect(choice(name), 'kept after a reload').toBeChecked()
  await expectAccessible(page, 'a level is chosen')

  await generateButton(page).click()
  const clip = yourClip(page)
  await expect(clip).toBeVisible({ timeout: CLIP_MS })
  const [made] = await records(page)
  expect(made?.request).toEqual(request)
  const { evaluations, evaluationsSkipped } = made!.report
  await expect(clip).toContainText(`${evaluationsSkipped} of ${evaluations} forward passes`)
  await clip.getByRole('link', { name: 'View in Library' }).click()
  const details = page.getByRole('dialog')
  await expect(details).toContainText(name)
  await expect(details).toContainText(`${evaluationsSkipped} of ${evaluations} forward passes`)
})
