// Storyboards, edited with the keyboard and generated through the real page.
import { readFileSync } from 'node:fs'
import { CLIP_MS, expect, openWith, records, smallClip, test } from '../e2e/app'
import {
  chooseFile,
  chooseFromLibrary,
  chooseMode,
  generateButton,
  libraryLink,
  modeInputs,
  makeClip,
  promptField,
  batchResults,
  slot,
  storyCard,
  twoColors,
} from '../e2e/locators'

const SIZE = { width: 64, height: 64 }

test('storyboard: edits, generates, saves and loads cards', async ({ page, app }, info) => {
  test.setTimeout(4 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, prompt: 'flat style' }))
  await chooseMode(page, 'Storyboard')
  const card = (number: number) => storyCard(page, number)
  const words = (number: number) => card(number).getByRole('textbox', { name: 'Shot prompt' })
  await words(1).fill('a white bird over the sea')
  await words(2).fill('a red car in the desert')
  for (const number of [1, 2]) await card(number).getByRole('spinbutton', { name: 'Seconds' }).fill('1')
  await card(2).getByRole('radio', { name: 'Dissolve' }).press('Space')

  await words(2).press('Alt+ArrowUp')
  await expect(words(1)).toHaveValue('a red car in the desert')
  await expect(words(1), 'the focus follows the card').toBeFocused()
  await card(1).getByRole('button', { name: 'Duplicate card 1' }).press('Enter')
  await expect(card(3)).toBeVisible()
  await card(2).getByRole('button', { name: 'Move card 2 down' }).press('Enter')
  await expect(words(2)).toHaveValue('a white bird over the sea')
  await expect(card(3).getByRole('button', { name: 'Move card 3 up' }), 'the card is the last one').toBeFocused()
  await card(3).getByRole('button', { name: 'Remove card 3' }).press('Enter')
  await expect(card(3)).toHaveCount(0)
  await card(2).getByRole('radio', { name: 'Dissolve' }).press('Space')
  await expect(modeInputs(page)).toContainText('2.3 s of at most 60 s')

  await card(2).getByRole('spinbutton', { name: 'Seconds' }).fill('0.2')
  await expect(card(2).getByText('Card 2 is shorter than 1 s, the shortest length of this model.')).toBeVisible()
  await expect(generateButton(page)).toBeDisabled()
  await card(2).getByRole('spinbutton', { name: 'Seconds' }).fill('1')

  const saving = page.waitForEvent('download')
  await modeInputs(page).getByRole('button', { name: 'Save as a file' }).press('Enter')
  const saved = readFileSync(await (await saving).path(), 'utf8')
  expect(JSON.parse(saved)).toEqual({
    version: 1,
    prompt: 'flat style',
    sameSeed: false,
    shots: [
      { prompt: 'a red car in the desert', seconds: 1, join: 'dissolve' },
      { prompt: 'a white bird over the sea', seconds: 1, join: 'dissolve' },
    ],
  })

  const frames = await makeClip(page, SIZE)
  expect(frames).toHaveLength(9 + 9 - 4)
  await libraryLink(page).click()
  await expect(page.getByRole('dialog')).toContainText('Shots')
  await page.keyboard.press('Escape')
  await page.goto(`${app.url}/#/create`)

  const load = async (...files: { name: string; mimeType: string; buffer: Buffer }[]) => {
    const opened = page.waitForEvent('filechooser')
    await modeInputs(page).getByRole('button', { name: 'Load from a file…' }).press('Enter')
    await (await opened).setFiles(files)
  }
  const json = (data: unknown) => ({ name: 'board.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(data)) })
  await load(
    json({ version: 9, prompt: 'pastel style', mood: 'calm', shots: [{ prompt: 'a kite', seconds: 3, join: 'wipe', image: 'sky.png' }] }),
    await twoColors(page, 'sky.png', '#27c', '#48d'),
  )
  await expect(promptField(page)).toHaveValue('pastel style')
  await expect(words(1)).toHaveValue('a kite')
  await expect(slot(page, 'Image or clip of card 1')).toContainText('sky.png')
  await expect(modeInputs(page).getByRole('alert')).toContainText('mood')
  await expect(modeInputs(page).getByRole('alert')).toContainText('join "wipe" of card 1')
  await page.screenshot({ path: info.outputPath('storyboard.png'), fullPage: true })
  await load(json({ shots: [] }))
  await expect(modeInputs(page).getByRole('alert')).toContainText('The storyboard does not fit: shots')
  await expect(words(1), 'the storyboard is unchanged').toHaveValue('a kite')
})

test('storyboard: requests cards that continue, begin with an image, and dissolve', async ({ page, app }) => {
  test.setTimeout(4 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, steps: 4, prompt: 'flat style' }))
  await chooseMode(page, 'Storyboard')
  for (const [number, words, begins] of [
    [1, 'a red balloon over the sea', null],
    [2, 'a red balloon over the sea', 'Continue'],
    [3, 'a starry night', 'Cut'],
    [4, 'a white bird in the desert', 'Dissolve'],
  ] as const) {
    if (number > 2) await modeInputs(page).getByRole('button', { name: 'Add a card' }).press('Enter')
    const card = storyCard(page, number)
    await card.getByRole('textbox', { name: 'Shot prompt' }).fill(words)
    await card.getByRole('spinbutton', { name: 'Seconds' }).fill('1')
    if (begins) await card.getByRole('radio', { name: begins }).press('Space')
  }
  await chooseFile(page, 'Image or clip of card 3', await twoColors(page, 'halves.png', '#e83', '#27c', 200))
  // at once: Generate waits for the chosen file
  const frames = await makeClip(page, SIZE)
  expect(frames).toHaveLength(9 + 8 + 9 + (9 - 4))
  const [record] = await records(page)
  expect(record?.durationSeconds).toBe(31 / 8)
  expect(record?.request.shots?.map(({ join, frames, conditions }) => [join, frames, conditions?.length ?? 0])).toEqual([
    ['cut', 9, 0],
    ['continue', 9, 0],
    ['cut', 9, 1],
    ['dissolve', 9, 0],
  ])
})

test('storyboard: requests a card that begins with a library clip', async ({ page, app }) => {
  test.setTimeout(4 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, steps: 4, prompt: 'a red balloon rising over the sea at sunset' }))
  await makeClip(page, SIZE)
  await chooseMode(page, 'Storyboard')
  await storyCard(page, 2).getByRole('button', { name: 'Remove card 2' }).press('Enter')
  await promptField(page).fill('')
  await storyCard(page, 1).getByRole('textbox', { name: 'Shot prompt' }).fill('a white bird over snowy hills, a starry night')
  await storyCard(page, 1).getByRole('spinbutton', { name: 'Seconds' }).fill('2')
  await chooseFromLibrary(page, 'Image or clip of card 1')
  const input = slot(page, 'Image or clip of card 1')
  await expect(input).toContainText('a red balloon rising over the sea at sunset')
  await expect(input.getByRole('button', { name: /^Crop/ }), 'a clip is not cropped').toHaveCount(0)
  const frames = await makeClip(page, SIZE)
  expect(frames).toHaveLength(17)
  const [record] = await records(page)
  expect(record?.request.shots).toMatchObject([{ frames: 17, conditions: [{ source: { kind: 'clip' }, atFrame: 0, strength: 1 }] }])
})

test('storyboard: expands the alternatives in a card into one clip each', async ({ page, app }) => {
  test.setTimeout(3 * CLIP_MS)
  await openWith(page, app.url, smallClip(app.starter, { ...SIZE, prompt: 'flat style' }))
  await chooseMode(page, 'Storyboard')
  await storyCard(page, 2).getByRole('button', { name: 'Remove card 2' }).press('Enter')
  await storyCard(page, 1).getByRole('spinbutton', { name: 'Seconds' }).fill('1')
  const words = storyCard(page, 1).getByRole('textbox', { name: 'Shot prompt' })
  await words.fill(`a ${'{red|blue}'.repeat(5)} car`)
  await expect(page.locator('#generate-hint')).toContainText('The maximum is 16.')
  await words.fill('a {red|blue} car in the desert')
  await page.getByRole('button', { name: 'Generate 2', exact: true }).press('Enter')
  const sheet = batchResults(page)
  await expect(sheet.getByRole('status')).toHaveText('2 of 2 done', { timeout: 2 * CLIP_MS })
  await expect(sheet).toContainText('red')
  const made = (await records(page)).map(({ request }) => request.shots?.map(({ prompt }) => prompt))
  expect(made).toEqual([['a blue car in the desert'], ['a red car in the desert']])
})
