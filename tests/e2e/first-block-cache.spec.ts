// Reuse between steps: chosen in the form, kept with the clip, and the same clip as a script's.
import { CACHE_LEVELS } from '../../src/shared/cache-levels'
import { expectAccessible } from './accessible'
import { CLIP_MS, expect, generate, openWith, records, smallClip, test } from './app'

test('a clip that reuses its steps says so, and is the one that a script gets', async ({ page, app }) => {
  test.setTimeout(3 * CLIP_MS)
  const { threshold, name } = CACHE_LEVELS[CACHE_LEVELS.length - 1]!
  const request = smallClip(app.starter, { steps: 16, cacheThreshold: threshold })
  const { cacheThreshold: _chosen, ...without } = request
  await openWith(page, app.url, without)
  const choice = (level: string) => page.getByRole('radiogroup', { name: 'Reuse between steps' }).getByRole('radio', { name: level, exact: true })
  await page.getByText('Advanced', { exact: true }).click()
  await expect(choice('Off')).toBeChecked()
  await choice(name).check()
  await page.reload()
  await expect(choice(name), 'a choice is kept, and shown').toBeChecked()
  await expectAccessible(page, 'a choice is made')

  await page.getByRole('button', { name: 'Generate', exact: true }).click()
  const clip = page.getByRole('region', { name: 'Your clip' })
  await expect(clip).toBeVisible({ timeout: CLIP_MS })
  const [made] = await records(page)
  expect(made?.request).toEqual(request)
  const { evaluations = 0, evaluationsSkipped = 0, framesSha256 } = made!.report
  expect(evaluations).toBe(request.steps)
  expect(evaluationsSkipped).toBeGreaterThan(0)
  expect(evaluationsSkipped).toBeLessThan(evaluations)
  await expect(clip).toContainText(`${evaluationsSkipped} of ${evaluations} evaluations`)

  await clip.getByRole('link', { name: 'In your library' }).click()
  const details = page.getByRole('dialog')
  await expect(details).toContainText(name)
  await expect(details).toContainText(`${evaluationsSkipped} of ${evaluations} evaluations`)
  await page.goto(app.url)
  const scripted = await generate(page, request)
  expect(scripted.report.framesSha256).toBe(framesSha256)
  const whole = await generate(page, without)
  expect(whole.report.framesSha256).not.toBe(framesSha256)
  expect(whole.report.evaluationsSkipped).toBeUndefined()
})
