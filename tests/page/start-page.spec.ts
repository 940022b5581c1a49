// The first screen: its texts, its size and its accessibility.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expectAccessible } from '../e2e/accessible'
import { expect, openWith, smallClip, test } from '../e2e/app'
import { generateButton, promptField } from '../e2e/locators'

const FIRST_SCREEN_BYTES = 150 * 1024

test('offers example prompts, and marks unknown words', async ({ page, app }) => {
  await page.goto(app.url)
  await expect(page).toHaveTitle(/Kinora/)
  const prompt = promptField(page)
  const generate = generateButton(page)

  await expect(generate).toBeDisabled()
  await expect(page.locator('#generate-hint')).toHaveText('Enter a prompt first.')

  const example = app.starter.examples[0] ?? ''
  await page.getByRole('button', { name: example, exact: true }).first().click()
  await expect(prompt).toHaveValue(example)
  await expect(generate).toBeEnabled()
  await expect(page.locator('.marks .unknown')).toHaveCount(0)

  await prompt.fill('a red sky over a xylophone ')
  await expect(page.locator('.marks .unknown')).toHaveText(['xylophone'])
  await expect(page.locator('#prompt-notes')).toContainText('does not know the underlined word')
})

test('reports where a long prompt is cut off', async ({ page, app }) => {
  await page.goto(app.url)
  const words = Array.from({ length: app.starter.text.maxTokens + 5 }, (_, index) => (index % 2 ? 'sky' : 'red'))
  await promptField(page).fill(words.join(' '))
  const lastRead = words[app.starter.text.maxTokens - 3] ?? ''
  await expect(page.locator('#prompt-notes')).toContainText(`It is cut off after “${lastRead}”`)
  await expect(page.locator('#prompt-notes')).toContainText('last 7 words are ignored')
  await expect(generateButton(page)).toBeEnabled()
})

test('offers the nearest size and length if the model does not support the chosen ones', async ({ page, app }) => {
  const { width, height } = app.starter.sizes[0]!
  const frames = Math.max(...app.starter.frames.allowed)
  await openWith(page, app.url, smallClip(app.starter, { width: width + 3, height, frames: frames + 1 }))
  await expect(generateButton(page)).toBeDisabled()
  await page
    .getByRole('button', { name: `${width} × ${height}` })
    .first()
    .click()
  await page.getByRole('button', { name: `${frames} frames` }).click()
  await expect(generateButton(page)).toBeEnabled()
})

test('warns about aspect ratios and lengths that the model was not trained on', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter))
  const settings = page.getByRole('region', { name: 'Settings' })
  const generate = generateButton(page)
  await expect(settings.getByText('was not trained')).toHaveCount(0)

  await settings.getByRole('radio', { name: '4:3 (not in the training data)' }).check()
  await expect(settings.getByText('was not trained at 144 × 112')).toBeVisible()
  await expect(generate, 'only a warning').toBeEnabled()

  await settings.getByRole('radio', { name: 'Custom' }).check()
  await settings.getByRole('spinbutton', { name: 'Width in pixels' }).fill('1000')
  await settings.getByRole('spinbutton', { name: 'Height in pixels' }).fill('5')
  await page.keyboard.press('Tab')
  await expect(settings.getByText('was not trained at 1008 × 32'), 'rounded to whole latent pixels, at least two').toBeVisible()
  await settings.getByRole('button', { name: /^Use 176 × 96/ }).click()
  await settings.getByRole('radio', { name: '16:9' }).check()
  await expect(settings.getByText('was not trained')).toHaveCount(0)

  await settings.getByRole('radio', { name: '60 s (generated in parts)' }).check()
  await expect(settings.getByText(/generated in \d\d parts/)).toBeVisible()
  await settings.getByRole('spinbutton', { name: 'seconds' }).fill('1.6')
  await page.keyboard.press('Enter')
  await expect(settings.getByText('was not trained on 13 frames')).toBeVisible()
  await expect(generate).toBeEnabled()
  await settings.getByRole('spinbutton', { name: 'seconds' }).fill('-4')
  await page.keyboard.press('Enter')
  await expect(settings.getByRole('spinbutton', { name: 'seconds' })).toHaveValue('0.6')
})

test('warns if a clip needs more than the measured GPU memory', async ({ page, app }) => {
  await openWith(page, app.url, smallClip(app.starter))
  // a stored measurement of a GPU with little memory
  await page.evaluate((version) => {
    const times = { measured: [{ tokens: 100, ms: 1 }], width: 192, blocks: 6, decoderFlops: 1, budgetBytes: 1e8 }
    localStorage.setItem('kinora.times', JSON.stringify([[JSON.stringify([2, 'Scripted adapter', `starter ${version}`]), times]]))
  }, app.starter.version)
  await page.reload()
  const settings = page.getByRole('region', { name: 'Settings' })
  await expect(generateButton(page)).toBeEnabled()
  await expect(settings.getByText('of GPU memory')).toHaveCount(0)
  await settings.getByRole('radio', { name: 'Custom' }).check()
  for (const side of ['Width', 'Height']) await settings.getByRole('spinbutton', { name: `${side} in pixels` }).fill('1024')
  await page.keyboard.press('Enter')
  await expect(settings.getByText('only 100 MB was available when it was measured')).toBeVisible()
})

for (const theme of ['dark', 'light'] as const) {
  for (const width of [1280, 390]) {
    test(`has no accessibility faults, ${theme}, ${width} pixels wide`, async ({ page, app }) => {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' })
      // the widest size and the most steps make the longest film strip
      const widest = app.starter.sizes.toSorted((a, b) => b.width - a.width)[0]!
      await openWith(page, app.url, smallClip(app.starter, { width: widest.width, height: widest.height, steps: app.starter.steps.max }))
      await promptField(page).fill('a red sky over a xylophone ')
      for (const view of ['create', 'library', 'models', 'settings']) {
        await page.goto(`${app.url}/#/${view}`)
        await expect(page.getByRole('link', { name: view, exact: false }).and(page.locator('[aria-current=page]'))).toBeVisible()
        if (view === 'create') await expect(generateButton(page)).toBeEnabled()
        await expectAccessible(page, view)
      }
    })
  }
}

test('works with the keyboard alone', async ({ page, app }) => {
  await page.goto(app.url)
  await expect(page.getByRole('button', { name: 'Skip to content' }).or(page.getByRole('link', { name: 'Skip to content' }))).toBeAttached()
  await page.keyboard.press('Tab')
  await expect(page.locator(':focus')).toHaveText('Skip to content')
  await page.keyboard.press('Enter')
  await expect(page.locator('main')).toBeFocused()
  await page.keyboard.press('Tab')
  await expect(promptField(page)).toBeFocused()
  await page.keyboard.type('a red sky')
  const generate = generateButton(page)
  await expect(generate).toBeEnabled()
  await page.keyboard.press('Tab')
  await expect(generate).toBeFocused()
  expect(await generate.evaluate((button) => getComputedStyle(button).outlineStyle), 'the focus is visible').not.toBe('none')
})

test('loads at most 150 KB of compressed scripts and styles for the first screen', async ({ page, app, build }) => {
  const files = new Set<string>()
  page.on('response', (response) => {
    const { pathname } = new URL(response.url())
    if (/\.(js|css)$/.test(pathname) && !pathname.startsWith('/assets/engine/')) files.add(pathname)
  })
  await page.goto(app.url)
  await expect(promptField(page)).toBeVisible()
  const bytes = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(build, file))).length, 0)
  expect(files.size).toBeGreaterThan(1)
  expect(bytes).toBeLessThanOrEqual(FIRST_SCREEN_BYTES)
})

test('is isolated, and blocks other origins by its policy', async ({ page, app, elsewhere }) => {
  const response = await page.goto(app.url)
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true)
  const policy = response?.headers()['content-security-policy'] ?? ''
  expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'")
  expect(policy).toContain("connect-src 'self'")
  expect(
    await page.evaluate(() =>
      fetch('https://example.org/').then(
        () => 'reached',
        () => 'refused',
      ),
    ),
  ).toBe('refused')
  // the test's own request, which the policy had to block
  expect(elsewhere.splice(0).length).toBeGreaterThan(0)
})

test('can be installed', async ({ page, app }) => {
  await page.goto(app.url)
  const cdp = await page.context().newCDPSession(page)
  const { errors, url } = await cdp.send('Page.getAppManifest')
  expect(url).toBe(`${app.url}/manifest.webmanifest`)
  expect(errors).toEqual([])
  const manifest = await page.evaluate(() => fetch('/manifest.webmanifest').then((answer) => answer.json() as Promise<WebManifest>))
  for (const { src, sizes } of [...manifest.icons, ...manifest.screenshots]) {
    const measured = await page.evaluate(async (address) => {
      const image = new Image()
      image.src = address
      await image.decode()
      return `${image.naturalWidth}x${image.naturalHeight}`
    }, src)
    if (sizes !== 'any') expect(measured, src).toBe(sizes)
  }
})

interface WebManifest {
  icons: { src: string; sizes: string }[]
  screenshots: { src: string; sizes: string }[]
}
