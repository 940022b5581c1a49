// The queue: jobs that wait, are changed while they wait, and are resumed by the next page.
import type { Locator, Page } from '@playwright/test'
import { expectAccessible } from '../e2e/accessible'
import { CLIP_MS, expect, storedIn, openWith, reachStep, records, smallClip, test } from '../e2e/app'
import { follow } from './scripted'
import { generateButton, progress, promptField, queueRegion, yourClip } from '../e2e/locators'

const prompt = promptField
const queue = queueRegion
const rows = (page: Page) => queue(page).getByRole('group')
const row = (page: Page, words: string) => queue(page).getByRole('group', { name: words, exact: true })
const action = (page: Page, name: string, words: string) => queue(page).getByRole('button', { name: name.replace('…', `“${words}”`), exact: true })

/** The prompts of the rows, first to last. */
async function order(page: Page): Promise<string[]> {
  return rows(page).evaluateAll((found) => found.map((element) => element.getAttribute('aria-label') ?? ''))
}

async function add(page: Page, words: string): Promise<void> {
  await prompt(page).fill(words)
  await page.getByRole('button', { name: 'Add to queue', exact: true }).click()
}

const expectText = (locator: Locator, words: string | RegExp) => expect(locator).toContainText(words, { timeout: CLIP_MS })

test('moves, edits, duplicates and removes waiting jobs', async ({ page, app }, info) => {
  test.setTimeout(4 * CLIP_MS)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await openWith(page, app.url, smallClip(app.starter, { steps: app.starter.steps.max }))
  // slow enough that the first job still runs after the changes
  await follow(page, { stepMs: 1000 })
  await generateButton(page).click()
  await expect(queue(page).getByRole('button', { name: 'Queue' })).toHaveAttribute('aria-expanded', 'false')
  await add(page, 'a blue sky')
  await prompt(page).fill('a starry night')
  await page.keyboard.press('Control+Enter')
  // a clip is in the list once it is on the disk
  await expect.poll(() => order(page)).toEqual(['a red sky at sunset', 'a blue sky', 'a starry night'])
  await expect(queue(page)).toContainText('1 running, 2 waiting')
  await expectAccessible(page, 'the queue')
  await page.screenshot({ path: info.outputPath('queue.png'), fullPage: true })

  await test.step('moves by button and by drag', async () => {
    await action(page, 'Move … up', 'a starry night').click()
    expect(await order(page)).toEqual(['a red sky at sunset', 'a starry night', 'a blue sky'])
    await expect(action(page, 'Move … down', 'a blue sky')).toBeDisabled()
    await row(page, 'a blue sky').dragTo(row(page, 'a starry night'))
    expect(await order(page)).toEqual(['a red sky at sunset', 'a blue sky', 'a starry night'])
  })

  await test.step('edits a job in its position, and discards changes to another', async () => {
    await action(page, 'Edit …', 'a blue sky').click()
    await expect(prompt(page)).toHaveValue('a blue sky')
    await expect(prompt(page)).toBeFocused()
    await expectText(row(page, 'a blue sky'), 'Editing')
    await prompt(page).fill('a green sky')
    await page.getByRole('button', { name: 'Update in queue' }).click()
    await expect(prompt(page), 'the form is restored').toHaveValue('a starry night')
    expect(await order(page)).toEqual(['a red sky at sunset', 'a green sky', 'a starry night'])
    await action(page, 'Edit …', 'a starry night').click()
    await prompt(page).fill('nothing of this')
    await page.getByRole('button', { name: 'Discard changes' }).click()
    await expect(prompt(page)).toHaveValue('a starry night')
    await expect(page.getByRole('button', { name: 'Add to queue', exact: true })).toBeVisible()
    expect(await order(page)).toEqual(['a red sky at sunset', 'a green sky', 'a starry night'])
  })

  await test.step('duplicates, pauses and removes', async () => {
    await action(page, 'Duplicate …', 'a green sky').click()
    await expect.poll(() => order(page)).toEqual(['a red sky at sunset', 'a green sky', 'a green sky', 'a starry night'])
    await action(page, 'Remove …', 'a green sky').first().click()
    expect(await order(page)).toEqual(['a red sky at sunset', 'a green sky', 'a starry night'])
    await action(page, 'Pause …', 'a green sky').click()
    await expectText(row(page, 'a green sky'), 'Paused')
    await action(page, 'Remove …', 'a starry night').click()
  })

  await test.step('cancels only the running job with Esc, and retries it', async () => {
    await page.keyboard.press('Escape')
    await expectText(row(page, 'a red sky at sunset'), 'Canceled')
    await expect(queue(page)).toContainText('1 paused, 1 canceled')
    await expect(generateButton(page)).toBeVisible()
    await expect.poll(() => storedIn(page, 'jobs'), 'a cancelled job leaves no checkpoint').toEqual([])
    await action(page, 'Retry …', 'a red sky at sunset').click()
    await reachStep(page, 1)
    await page.getByRole('button', { name: 'Cancel', exact: true }).click()
    await expectText(row(page, 'a red sky at sunset'), 'Canceled')
    await queue(page).getByRole('button', { name: 'Clear finished' }).click()
    expect(await order(page)).toEqual(['a green sky'])
    await action(page, 'Remove …', 'a green sky').click()
    await expect(queue(page)).toBeHidden()
  })

  await test.step('cancels all jobs at once', async () => {
    await generateButton(page).click()
    await add(page, 'a blue sky')
    await add(page, 'a green sky')
    await expect(row(page, 'a green sky')).toBeVisible()
    await queue(page).getByRole('button', { name: 'Cancel all' }).click()
    await expect(progress(page)).toHaveText('Canceled. Nothing was saved.', { timeout: CLIP_MS })
    await expect(queue(page)).toBeHidden()
  })
})

test('offers to resume after a reload, and resumes the first job from its last step', async ({ page, app }, info) => {
  test.setTimeout(5 * CLIP_MS)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const request = smallClip(app.starter, { steps: 6 })
  await openWith(page, app.url, request)
  await follow(page, { stepMs: 500 })
  await generateButton(page).click()
  await add(page, 'a blue sky')
  await reachStep(page, 3)
  let dialogShown = false
  page.on('dialog', (dialog) => {
    dialogShown = true
    void dialog.accept()
  })
  await page.reload()
  expect(dialogShown, 'no confirmation, because nothing would be lost').toBe(false)
  const offer = page.getByRole('alert').filter({ hasText: '2 unfinished clips from your last session' })
  await expect(offer).toBeVisible()
  await expect(queue(page)).toContainText('2 paused')
  await expectAccessible(page, 'the queue')
  await page.screenshot({ path: info.outputPath('offer.png'), fullPage: true })
  const checkpoints = await storedIn(page, 'jobs')
  expect(checkpoints, 'the checkpoint of the first job').toHaveLength(1)

  await offer.getByRole('button', { name: 'Resume' }).press('Enter')
  await expect(offer).toBeHidden()
  await page.evaluate(() => {
    const seen: string[] = []
    Object.assign(window, { seen })
    new MutationObserver(() => seen.push(document.querySelector('[role="status"][aria-label="Progress"]')?.textContent ?? '')).observe(document.body, {
      subtree: true,
      childList: true,
      characterData: true,
    })
  })
  await expectText(row(page, 'a red sky at sunset'), 'Done')
  const seen = await page.evaluate(() => (window as unknown as { seen: string[] }).seen)
  expect(
    seen.filter((words) => /step 1 of 6/.test(words)),
    'the first steps are not repeated',
  ).toEqual([])
  await expectText(row(page, 'a blue sky'), 'Done')
  const made = (await records(page)).filter((record) => record.request.prompt === request.prompt)
  expect(made).toHaveLength(1)
  expect(await storedIn(page, 'jobs')).toEqual([])

  await action(page, 'View …', 'a red sky at sunset').click()
  await expect(page.getByLabel('Clip: a red sky at sunset')).toBeVisible()
  await page.getByRole('button', { name: 'Back to latest' }).click()
  await expect(page.getByLabel('Clip: a blue sky')).toBeVisible()
  await page.reload()
  await expect(prompt(page)).toBeVisible()
  await expect(generateButton(page)).toBeEnabled()
  await expect(queue(page), 'a finished queue is not restored').toBeHidden()
})

test('pauses and resumes with the keyboard, and takes over the jobs of a tab only once it is closed', async ({ page, app, context }) => {
  test.setTimeout(4 * CLIP_MS)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await openWith(page, app.url, smallClip(app.starter, { steps: 6 }))
  await expect(generateButton(page)).toBeEnabled()
  await follow(page, { stepMs: 500 })
  await generateButton(page).press('Enter')
  await reachStep(page, 2)
  const pause = queue(page).getByRole('button', { name: 'Pause', exact: true })
  await pause.first().press('Enter')
  await expect(progress(page)).toHaveText('Paused. Progress is saved.', { timeout: CLIP_MS })
  expect(await storedIn(page, 'jobs')).toHaveLength(1)

  const other = await context.newPage()
  await other.goto(app.url)
  await expect(generateButton(other)).toBeEnabled()
  // longer than a tab waits for the lock of a tab that may be reloading
  await other.waitForTimeout(1500)
  await expect(queue(other), 'the first tab is open').toBeHidden()
  expect(await storedIn(other, 'jobs'), 'its checkpoint remains').toHaveLength(1)

  await queue(page).getByRole('button', { name: 'Resume all' }).press('Enter')
  await reachStep(page, 3)
  await page.close()
  await other.reload()
  const offer = other.getByRole('alert').filter({ hasText: '1 unfinished clip from your last session' })
  await expect(offer).toBeVisible()
  await expect(queue(other).getByRole('button', { name: 'Cancel all' }), 'no Cancel all for a single job').toBeHidden()
  await offer.getByRole('button', { name: 'Discard' }).press('Enter')
  await expect(queue(other)).toBeHidden()
  await expect.poll(() => storedIn(other, 'jobs')).toEqual([])
  await other.reload()
  await expect(generateButton(other)).toBeEnabled()
  await expect(offer).toBeHidden()
})

test('continues after a failed job, and retries it', async ({ page, app }) => {
  test.setTimeout(3 * CLIP_MS)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await openWith(page, app.url, smallClip(app.starter))
  await follow(page, {
    // the second clip is added before the first one fails
    stepMs: 1500,
    fail: {
      error: {
        code: 'weights-truncated',
        message: 'model.safetensors has 10 bytes, expected 20.',
        details: { file: 'model.safetensors', expected: 20, found: 10 },
      },
      atStep: 2,
      times: 2,
    },
  })
  await generateButton(page).click()
  await add(page, 'a blue sky')
  await expectText(row(page, 'a red sky at sunset'), 'A model file is incomplete.')
  await expectText(row(page, 'a blue sky'), 'A model file is incomplete.')
  await action(page, 'Retry …', 'a red sky at sunset').click()
  await expectText(row(page, 'a red sky at sunset'), 'Done')
  await expect(queue(page)).toContainText('1 failed, 1 done')
})

test('saves the finished chunks of a clip that is stopped early', async ({ page, app }) => {
  test.setTimeout(3 * CLIP_MS)
  await page.emulateMedia({ reducedMotion: 'reduce' })
  const longest = Math.max(...app.starter.frames.allowed)
  const request = smallClip(app.starter, { frames: 2 * longest - 1, steps: 2 })
  await openWith(page, app.url, request)
  await follow(page, { stepMs: 500 })
  await generateButton(page).click()
  await page.getByRole('button', { name: 'Stop and save' }).click({ timeout: CLIP_MS })
  await expect(progress(page)).toHaveText('Saving the frames generated so far…')
  await expect(yourClip(page)).toBeVisible({ timeout: CLIP_MS })
  const [made] = await records(page)
  await expect(yourClip(page)).toContainText(`${made?.request.frames} frames`)
  expect(made?.request.frames).toBeLessThan(request.frames)
  expect(made?.request.frames).toBeGreaterThan(1)
})
