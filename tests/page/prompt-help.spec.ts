// Prompt tools: surprise, expansion, styles and history, by keyboard and by pointer.
import type { Page } from '@playwright/test'
import { expectAccessible } from '../e2e/accessible'
import { CLIP_MS, expect, openWith, smallClip, test } from '../e2e/app'
import { generateButton, promptField } from '../e2e/locators'

const field = promptField
const help = (page: Page) => page.getByRole('group', { name: 'Prompt tools' })
const button = (page: Page, name: string) => help(page).getByRole('button', { name, exact: true })

async function storeHistory(page: Page, prompts: readonly string[]): Promise<void> {
  await page.addInitScript((saved) => {
    if (!localStorage.getItem('kinora.prompts')) localStorage.setItem('kinora.prompts', JSON.stringify(saved))
  }, prompts)
}

test('surprises with known words, differently each time, and can be undone', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter, { prompt: 'a red sky' }))
  await button(page, 'Surprise me').click()
  const first = await field(page).inputValue()
  expect(first).not.toBe('a red sky')
  await expect(page.locator('.marks .unknown')).toHaveCount(0)
  await expect(page.locator('#prompt-notes')).not.toContainText('longer')
  await button(page, 'Surprise me').click()
  await expect(field(page)).not.toHaveValue(first)
  await button(page, 'Undo').click()
  await expect(field(page)).toHaveValue(first)
  await expect(button(page, 'Undo')).toHaveCount(0)
})

test('expands a short prompt that is edited, used and undone with the keyboard', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter, { prompt: 'a red balloon' }))
  await button(page, 'Enhance prompt').focus()
  await page.keyboard.press('Enter')
  const suggestion = page.getByRole('textbox', { name: 'Expanded prompt' })
  await expect(suggestion).toHaveValue(/^a red balloon .+ over .+style/)
  await expect(field(page), 'the prompt is unchanged before Use this prompt').toHaveValue('a red balloon')
  await expect(page.locator(':focus')).toHaveText('Use this prompt')
  await expectAccessible(page, 'expanded')

  await suggestion.fill('a red balloon rising, fog')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await expect(field(page)).toHaveValue('a red balloon rising, fog')
  await expect(suggestion).toHaveCount(0)
  await expect(button(page, 'Enhance prompt'), 'the focus returns').toBeFocused()
  await button(page, 'Undo').press('Enter')
  await expect(field(page)).toHaveValue('a red balloon')

  await field(page).fill('')
  await button(page, 'Enhance prompt').click()
  await expect(page.getByRole('group', { name: 'Expanded prompt' }).getByText('Enter a prompt first.')).toBeVisible()
})

test('appends and removes a style, and separates styles that the model was not trained on', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter, { prompt: 'a red sky' }))
  await button(page, 'Styles').click()
  const styles = page.getByRole('group', { name: 'Styles' })
  const neon = styles.getByRole('button', { name: 'Neon' })
  await neon.click()
  await expect(field(page)).toHaveValue('a red sky, neon style')
  await expect(neon).toHaveAttribute('aria-pressed', 'true')
  await neon.click()
  await expect(field(page)).toHaveValue('a red sky')

  await expect(styles).toContainText('was not trained on these styles')
  await styles.getByRole('button', { name: 'Stop motion' }).press('Enter')
  await expect(field(page)).toHaveValue('a red sky, stop motion animation, handmade clay figures')
  await expect(page.locator('#prompt-notes')).toContainText('does not know the underlined words')
  await expectAccessible(page, 'styles')
})

test('searches, reuses and deletes earlier prompts with the keyboard', async ({ page, app }) => {
  await storeHistory(page, ['a red sky at sunset', 'a white sailboat on the ocean', 'a starry night over the ocean'])
  await openWith(page, app.url, smallClip(app.starter, { prompt: 'a meadow' }))
  await button(page, 'Prompt history').press('Enter')
  const search = page.getByRole('searchbox', { name: 'Search prompt history' })
  const entries = page.getByRole('group', { name: 'Prompt history' }).getByRole('listitem')
  await expect(search).toBeFocused()
  await expect(entries).toHaveCount(3)

  await page.keyboard.type('OCEAN a')
  await expect(entries).toHaveText(['a white sailboat on the ocean', 'a starry night over the ocean'])
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await expect(field(page)).toHaveValue('a starry night over the ocean')
  await expect(button(page, 'Prompt history')).toBeFocused()
  await button(page, 'Undo').click()
  await expect(field(page)).toHaveValue('a meadow')

  await button(page, 'Prompt history').click()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Delete')
  await expect(entries).toHaveCount(2)
  await expect(page.locator(':focus')).toHaveText('a white sailboat on the ocean')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.type('xyz')
  await expect(page.getByText('No matching prompts.')).toBeVisible()
  await page.keyboard.press('Escape')
  await expect(search).toHaveCount(0)

  await page.reload()
  await button(page, 'Prompt history').click()
  await expect(entries, 'a deleted prompt stays deleted').toHaveCount(2)
  await page.getByRole('button', { name: 'Clear all' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Clear all' }).click()
  await button(page, 'Prompt history').click()
  await expect(page.getByText('are saved here')).toBeVisible()
})

test('saves the prompt of a clip in the history, once', async ({ page, app }) => {
  await storeHistory(page, ['a starry night', 'a red sky at sunset'])
  await openWith(page, app.url, smallClip(app.starter))
  await generateButton(page).click({ timeout: CLIP_MS })
  await button(page, 'Prompt history').click()
  await expect(page.getByRole('group', { name: 'Prompt history' }).getByRole('listitem')).toHaveText(['a red sky at sunset', 'a starry night'])
})
