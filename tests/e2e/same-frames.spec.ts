// The page on Chromium's software adapter generates the frames that Dawn in Node generates on it: the hashes are those of
// tests/gpu/same-frames.json.
import { readFileSync } from 'node:fs'
import { parseRecipe } from '../../src/shared/recipe'
import { fixedEmbeds } from '../gpu/fixed-embeds'
import { CLIP_MS, expect, generate, test } from './app'

const readJson = (name: string): unknown => JSON.parse(readFileSync(new URL(`../gpu/${name}`, import.meta.url), 'utf8'))
const recipes = readJson('same-frames-recipes.json') as Record<string, Record<string, unknown>>
const stored = readJson('same-frames.json') as Record<string, { made: Record<string, { framesSha256: string; latentsSha256: string }> }>

const { caption_channels: width } = JSON.parse(readFileSync('public/models/starter/transformer/config.json', 'utf8')) as { caption_channels: number }

for (const name of ['text to video', 'two windows']) {
  test(`starter: ${name}`, async ({ page, app }) => {
    test.setTimeout(CLIP_MS)
    const { request } = parseRecipe(recipes['starter']?.[name]).recipe
    const embedsOf = (prompt: string) => Buffer.from(fixedEmbeds(prompt, width).values.buffer).toString('base64')
    const { prompt, negativePrompt } = request
    const embeds = { prompt: embedsOf(prompt), ...(negativePrompt !== undefined && { negative: embedsOf(negativePrompt) }), width }
    await page.goto(app.url)
    const { report } = await generate(page, request, { embeds })
    expect(report).toMatchObject(only(stored['swiftshader']?.made[`starter: ${name}`]))
  })
}

function only(made: { framesSha256: string; latentsSha256: string } | undefined) {
  return { framesSha256: made?.framesSha256, latentsSha256: made?.latentsSha256 }
}
