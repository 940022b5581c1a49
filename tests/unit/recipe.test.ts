import { deflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readPngText } from '../../src/shared/png-text'
import { parseRecipe, recipeOf, recipeText, mediaRefsOf } from '../../src/shared/recipe'
import { GenerateRequestSchema, type GenerateRequest } from '../../src/shared/request'

const request: GenerateRequest = {
  model: 'starter',
  prompt: 'a red sky',
  width: 128,
  height: 128,
  frames: 17,
  fps: 8,
  steps: 8,
  guidance: 3,
  seed: 7,
  cacheThreshold: 0.1,
  conditions: [{ source: { kind: 'image', id: 'a' }, atFrame: 0, strength: 1 }],
}
const model = { id: 'starter', name: 'Kinora Starter', version: 2 }
const recipe = recipeOf(request, model)

describe('a recipe', () => {
  it('is unchanged after it is written and parsed', () => {
    expect(parseRecipe(JSON.parse(recipeText(recipe)))).toEqual({ recipe, ignored: [] })
    const unknownVersion = recipeOf(request, { id: 'x', name: 'X' })
    expect(parseRecipe(JSON.parse(recipeText(unknownVersion))).recipe).toEqual(unknownVersion)
  })

  it('keeps every field that a request can have', () => {
    const part = { source: { kind: 'clip', id: 'b' }, fromSeconds: 1, toSeconds: 2, crop: { x: 0, y: 1, zoom: 2 } } as const
    const full: Required<GenerateRequest> = {
      ...request,
      negativePrompt: 'fog',
      guidanceRescale: 0.5,
      stg: { scale: 1, skipBlocks: [19] },
      cacheThreshold: 0.1,
      conditions: request.conditions!,
      initVideo: { ...part, strength: 0.5, stretch: true },
      prefix: part,
      suffix: part,
      loop: true,
      sameSeed: true,
      shots: [{ prompt: 'a kite', frames: 9, join: 'dissolve', conditions: request.conditions! }],
    }
    expect(Object.keys(full).toSorted()).toEqual(Object.keys(GenerateRequestSchema.entries).toSorted())
    expect(parseRecipe(JSON.parse(recipeText(recipeOf(full, model))))).toEqual({
      recipe: { format: 'kinora-recipe', version: 2, request: full, model },
      ignored: [],
    })
  })

  it('of a newer version is read, and its unknown fields are listed', () => {
    const newer = {
      ...recipe,
      version: 3,
      mood: 'sad',
      model: { ...model, colour: 'blue' },
      request: { ...request, sound: { loud: true }, loop: 'twice', conditions: [{ ...request.conditions![0], blur: 2 }] },
    }
    expect(parseRecipe(newer)).toEqual({
      recipe: { ...recipe, version: 3 },
      ignored: ['version 3 is newer than 2, which is understood', 'request.loop', 'request.conditions.0.blur', 'request.sound', 'model.colour', 'mood'],
    })
  })

  it.each([
    [null, 'This is not a Kinora recipe'],
    ['text', 'This is not a Kinora recipe'],
    [{ format: 'storyboard', version: 1, request, model }, 'format'],
    [{ ...recipe, version: 0 }, 'version'],
    [{ ...recipe, model: {} }, 'model'],
    [{ ...recipe, request: { ...request, seed: -1 } }, 'request.seed'],
    [{ ...recipe, request: { prompt: 'a sky' } }, 'request.model'],
  ])('is rejected if it is %j', (data, words) => {
    expect(() => parseRecipe(data)).toThrow(expect.objectContaining({ code: 'bad-request', message: expect.stringContaining(words) as string }))
  })

  it('is rejected only with bad-request, for any input', () => {
    fc.assert(
      fc.property(fc.anything(), (data) => {
        for (const given of [data, { ...recipe, request: data }, { ...recipe, request: { ...request, conditions: data } }]) {
          try {
            parseRecipe(given)
          } catch (error) {
            expect(error).toMatchObject({ code: 'bad-request' })
          }
        }
      }),
    )
  })

  it('lists every clip and file once', () => {
    const clip = { kind: 'clip', id: 'c' } as const
    const image = { kind: 'image', id: 'a' } as const
    expect(
      mediaRefsOf({
        ...request,
        prefix: { source: clip },
        suffix: { source: clip },
        initVideo: { source: { kind: 'video', id: 'v' }, strength: 0.5 },
        shots: [{ prompt: '', frames: 9, join: 'cut', conditions: [{ source: image, atFrame: 0, strength: 1 }] }],
      }),
    ).toEqual([image, { kind: 'video', id: 'v' }, clip])
    expect(mediaRefsOf({ ...request, conditions: [] })).toEqual([])
  })
})

/** A PNG chunk; its CRC is not checked. */
function chunk(type: string, data: Uint8Array): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(data.length)
  return Buffer.concat([length, Buffer.from(type, 'latin1'), data, Buffer.alloc(4)])
}
const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const textChunk = (keyword: string, text: string, compressed = false) =>
  chunk(
    'iTXt',
    Buffer.concat([
      Buffer.from(`${keyword}\0`, 'latin1'),
      Buffer.from([compressed ? 1 : 0, 0]),
      Buffer.from('en\0Rezept\0'),
      compressed ? deflateSync(text) : Buffer.from(text),
    ]),
  )
const png = (...chunks: Buffer[]) => new Uint8Array(Buffer.concat([SIGNATURE, chunk('IHDR', Buffer.alloc(13)), ...chunks, chunk('IEND', Buffer.alloc(0))]))

describe('text in a PNG', () => {
  it('is found by its keyword, plain or compressed', async () => {
    const file = png(chunk('IDAT', Buffer.alloc(3000)), textChunk('Title', 'other'), textChunk('kinora-recipe', '{"ö": 1}'))
    expect(await readPngText(file, 'kinora-recipe')).toBe('{"ö": 1}')
    expect(await readPngText(png(textChunk('kinora-recipe', 'long '.repeat(999), true)), 'kinora-recipe')).toBe('long '.repeat(999))
  })

  it('is null if it is absent, damaged, or too large when unpacked', async () => {
    const file = png(textChunk('kinora-recipe', 'words'))
    expect(await readPngText(file, 'Title')).toBeNull()
    expect(await readPngText(file.slice(1), 'kinora-recipe')).toBeNull()
    expect(await readPngText(png(textChunk('kinora-recipe', 'x'.repeat(5 * 2 ** 20), true)), 'kinora-recipe')).toBeNull()
    const broken = textChunk('kinora-recipe', 'words', true)
    broken.fill(7, 40)
    expect(await readPngText(png(broken), 'kinora-recipe')).toBeNull()
    for (let length = 0; length < file.length; length++) expect(['words', null]).toContain(await readPngText(file.slice(0, length), 'kinora-recipe'))
  })

  it('is null in arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), async (bytes) => {
        expect(await readPngText(new Uint8Array([...SIGNATURE, ...bytes]), 'kinora-recipe')).toBeNull()
      }),
    )
  })
})
