// `npm run generate -- --recipe FILE`, up to the request that the page gets.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseFlags } from '../../scripts/generate-flags'
import { modeRequest } from '../../scripts/mode-request'
import { modelFlagOf, openRecipe, recipeMode, recipeRequest, requireMedia, withGivenMedia } from '../../scripts/recipe-request'
import { root } from '../../scripts/process.mjs'
import { parseManifest } from '../../src/shared/model'
import { withPngText } from '../../src/shared/png-text'
import { RECIPE_KEYWORD, recipeOf, recipeText } from '../../src/shared/recipe'
import type { GenerateRequest } from '../../src/shared/request'
import starter from '../../public/models/starter/kinora.json'

const model = parseManifest(starter, 'kinora.json')
const request: GenerateRequest = { model: 'starter', prompt: 'a red sky', width: 64, height: 64, frames: 17, fps: 8, steps: 8, guidance: 3, seed: 7 }
const IMAGE = { kind: 'image', id: 'a'.repeat(64) } as const
const fromImage: GenerateRequest = {
  ...request,
  conditions: [{ source: IMAGE, atFrame: 0, strength: 0.7, crop: { x: 0.2, y: 0.5, zoom: 2 } }],
}
const starterName = { id: 'starter', name: 'Starter', version: model.version }

let folder = ''
const path = (name: string) => join(folder, name)
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kinora-recipes-'))
  const recipe = recipeOf(request, starterName)
  writeFileSync(path('recipe.json'), recipeText(recipe))
  writeFileSync(path('still.png'), withPngText(readFileSync(join(root, 'public/icons/icon-192.png')), RECIPE_KEYWORD, JSON.stringify(recipe)))
  writeFileSync(path('plain.png'), readFileSync(join(root, 'public/icons/icon-192.png')))
  writeFileSync(path('photo.png'), 'a photo')
})
afterAll(() => rmSync(folder, { recursive: true }))

const flags = (...argv: string[]) => parseFlags(['--recipe', 'clip.webm', '--out', 'again.webm', ...argv])
/** The page stores a file under the id `<name>`. */
const keep = ({ name }: { name: string }) => Promise.resolve({ id: name })
const nothingIsStored = () => Promise.resolve(false)

describe('a recipe', () => {
  it('is read from a recipe file and from a PNG', async () => {
    for (const name of ['recipe.json', 'still.png']) expect((await openRecipe(path(name))).request).toEqual(request)
  })

  it('is refused in words where the file has none or cannot be read', async () => {
    await expect(openRecipe(path('plain.png'))).rejects.toThrow('--recipe: plain.png has no recipe. Expected a recipe file')
    await expect(openRecipe(path('gone.webm'))).rejects.toThrow('gone.webm cannot be read: expected a WebM, MP4, PNG or JSON file')
  })

  it('gives its request unchanged where no flag overrides it', async () => {
    const made = { ...fromImage, negativePrompt: 'rain', cacheThreshold: 0.1 }
    expect(recipeRequest(flags(), recipeOf(made, starterName), model)).toEqual(made)
    const full = await modeRequest(flags(), made, model, keep)
    expect(full).toEqual(made)
  })

  it('gives way to the flags that are given', () => {
    const changed = recipeRequest(flags('--seed', '8', '--steps', '4', '--prompt', 'a boat', '--cache', '0.2'), recipeOf(request, starterName), model)
    expect(changed).toEqual({ ...request, seed: 8, steps: 4, prompt: 'a boat', cacheThreshold: 0.2 })
  })

  it('gives way to a mode of the flags, and is of its own mode otherwise', async () => {
    const recipe = recipeOf(fromImage, starterName)
    expect(recipeMode(flags(), recipe)).toBe('i2v')
    const remix = flags('--remix', path('photo.png'))
    expect(recipeMode(remix, recipe)).toBe('v2v')
    const full = await modeRequest(remix, recipeRequest(remix, recipe, model), model, keep)
    expect(full).not.toHaveProperty('conditions')
    expect(full.initVideo?.source.id).toBe('photo.png')
    expect(recipeRequest(flags('--mode', 't2v'), recipe, model)).toEqual(request)
  })

  it('needs a file that ends as its number of frames says', () => {
    expect(() => recipeRequest(flags(), recipeOf({ ...request, frames: 1 }, starterName), model)).toThrow('expected a file that ends in .png')
  })

  it('names the model flag for a model that does not ship with the page', () => {
    const of = (id: string) => modelFlagOf(recipeOf({ ...request, model: id }, { id, name: 'Some model' }))
    expect(() => of('ltxv-2b-0.9.5')).toThrow('expected --model "download:ltxv-2b-0.9.5?encoder=ENCODER" with the text encoder that was used (t5-xxl-fp8,')
    expect(() => of('../../etc')).toThrow('the recipe was made with Some model (../../etc); name its folder or address')
  })
})

describe('media of a recipe', () => {
  it('that are not here are named with the flag that gives them', async () => {
    await expect(requireMedia(flags(), fromImage, nothingIsStored)).rejects.toThrow(
      '--media is missing: the recipe is made from the image aaaaaaaa, not found here: expected --media aaaaaaaa=FILE',
    )
    await requireMedia(flags(), fromImage, () => Promise.resolve(true))
    await requireMedia(flags('--media', 'aaaaaaaa=photo.png'), fromImage, nothingIsStored)
    await requireMedia(flags(), request, nothingIsStored)
  })

  it('keep their crop and strength when a flag gives them', async () => {
    const full = await withGivenMedia(flags('--media', `aaaaaaaa=${path('photo.png')}`), fromImage, keep)
    expect(full).toEqual({ ...fromImage, conditions: [{ ...fromImage.conditions![0], source: { kind: 'image', id: 'photo.png' } }] })
  })

  it('are refused by an id that the recipe does not have', async () => {
    await expect(withGivenMedia(flags('--media', 'bbbbbbbb=photo.png'), fromImage, keep)).rejects.toThrow(
      '--media: expected the id of what the recipe is made from (image aaaaaaaa), got bbbbbbbb',
    )
  })
})
