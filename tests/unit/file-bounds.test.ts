// Numbers, texts and lists from files: what is outside its bounds is refused at once, with the field, what was expected and what came.
import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import { deflateSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { AppError, cutText } from '../../src/shared/errors'
import { MAX_FILE_BYTES, readJson, readJsonBody } from '../../src/shared/file-bounds'
import { parseManifest } from '../../src/shared/model'
import { readPngText, withPngText } from '../../src/shared/png-text'
import { parseRecipe, recipeOf } from '../../src/shared/recipe'
import type { GenerateRequest } from '../../src/shared/request'
import { readStoryboard } from '../../src/shared/storyboard'
import { readJobs } from '../../src/state/queue-jobs'
import { setTimesteps } from '../../workers/models/flow-match-scheduler'
import { parseLtxAutoencoderConfig } from '../../workers/models/ltx/autoencoder-config'
import { parseLtxOriginalConfig } from '../../workers/models/ltx/original-config'
import { parseLtxTransformerConfig } from '../../workers/models/ltx/transformer'
import { parseKinoraAutoencoderConfig } from '../../workers/models/starter/autoencoder-config'
import { parseT5EncoderConfig } from '../../workers/models/t5/encoder-config'
import { mayRunForEver, readTokenizerJson } from '../../workers/text/tokenizer-bounds'
import { openSafetensors, writeSafetensors } from '../../workers/weights/safetensors'

/** Most milliseconds of processor time until a file is refused; usual are a few, of the largest files some 300. */
const MAX_MS = 5000
const spentMs = (since?: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(since)
  return (user + system) / 1000
}

// files of megabytes are made; what is measured is processor time
vi.setConfig({ testTimeout: 120_000 })

const bytesOf = (text: string) => new TextEncoder().encode(text)
const json = (path: string) => JSON.parse(readFileSync(new URL(`../../public/models/starter/${path}`, import.meta.url), 'utf8')) as Record<string, unknown>

/** The error of an action, which comes within a second and is short. */
function refusalOf(action: () => unknown): AppError {
  const began = process.cpuUsage()
  try {
    action()
  } catch (error) {
    expect(spentMs(began)).toBeLessThan(MAX_MS)
    expect(error).toBeInstanceOf(AppError)
    const refusal = error as AppError
    expect(['bad-request', 'weights-corrupt']).toContain(refusal.code)
    expect(refusal.message.length).toBeLessThanOrEqual(1000)
    return refusal
  }
  throw new Error('Expected a refusal.')
}

/** A copy with another value at a path such as `latent.channels`. */
function changed(data: unknown, path: string, value: unknown): unknown {
  const [key = '', ...rest] = path.split('.')
  const copy = structuredClone(data) as Record<string, unknown>
  copy[key] = rest.length === 0 ? value : changed(copy[key], rest.join('.'), value)
  return copy
}

const request: GenerateRequest = { model: 'starter', prompt: 'a boat', width: 128, height: 128, frames: 17, fps: 8, steps: 10, guidance: 5, seed: 7 }
const recipe = recipeOf(request, { id: 'starter', name: 'Starter' })
const condition = { source: { kind: 'image', id: 'a'.repeat(64) }, atFrame: 0, strength: 1 }
const many = (length: number, entry: unknown = 1) => Array.from({ length }, () => entry)

describe('a number, text or list outside its bounds is refused by its field', () => {
  const manifest = json('kinora.json')
  const manifests: [path: string, value: unknown, expected: string, got: string][] = [
    ['latent.scaleSpace', 0.5, 'a whole number', '0.5'],
    ['latent.channels', 1e9, 'at most 4096', '1000000000'],
    ['latent.channels', 0, 'at least 1', '0'],
    ['frames.default', 1e9, 'at most 10000', '1000000000'],
    ['frames.default', 0, 'at least 1', '0'],
    ['frames.allowed', many(5_000_000), 'at most 1000 entries', '5000000'],
    ['files', [{ path: 'a', bytes: 1e15, sha256: '' }], 'at most 268435456', '1000000000000000'],
    ['steps.max', 1e7, 'at most 1000', '10000000'],
    ['sizes', [{ shape: 'x', width: 1e9, height: 64 }], 'at most 16384', '1000000000'],
    ['name', 'x'.repeat(10_000_000), 'at most 1000 characters', '10000000'],
    ['text.maxTokens', 1e12, 'at most 100000', '1000000000000'],
    ['id', undefined, 'string', 'nothing'],
  ]
  it.each(manifests)('kinora.json: %s', (path, value, expected, got) => {
    const { message, details } = refusalOf(() => parseManifest(changed(manifest, path, value), 'kinora.json'))
    expect(message).toContain(`${path}`)
    expect(details).toMatchObject({ file: 'kinora.json', field: expect.stringContaining(path) as string, expected, found: got })
  })

  const recipes: [path: string, value: unknown, expected: string, got: string][] = [
    ['request.steps', 1e7, 'at most 1000', '10000000'],
    ['request.conditions', many(500, condition), 'at most 50 entries', '500'],
    ['request.prompt', 'word '.repeat(600_000), 'at most 20000 characters', '3000000'],
    ['request.frames', 1e9, 'at most 10000', '1000000000'],
    ['request.width', 2 ** 31, 'at most 16384', '2147483648'],
    ['request.shots', many(100_000, { prompt: '', frames: 9, join: 'cut' }), 'at most 60 entries', '100000'],
    ['request.seed', 0.5, 'a whole number', '0.5'],
  ]
  it.each(recipes)('a recipe: %s', (path, value, expected, got) => {
    const { message, details } = refusalOf(() => parseRecipe(changed(recipe, path, value)))
    expect(message).toContain(`${path}: expected ${expected}, got ${got}`)
    expect(details).toMatchObject({ field: path, expected, found: got })
  })

  const configs: [name: string, parse: (config: unknown) => unknown, config: unknown, field: string][] = [
    [
      'a transformer',
      parseLtxTransformerConfig,
      changed(json('transformer/config.json'), 'num_layers', 1e8),
      'num_layers: expected at most 1024, got 100000000',
    ],
    ['an autoencoder', parseLtxAutoencoderConfig, { layers_per_block: many(1e6) }, 'layers_per_block: expected at most 32 entries, got 1000000'],
    ['an autoencoder’s widths', parseLtxAutoencoderConfig, { block_out_channels: [1e9] }, 'block_out_channels.0: expected at most 65536'],
    ['the starter’s autoencoder', parseKinoraAutoencoderConfig, changed(json('vae/config.json'), 'blocks', [1, 1, 1e8]), 'blocks.2: expected at most 1024'],
    ['a T5', parseT5EncoderConfig, { feed_forward_proj: 'gated-gelu', num_layers: 1e8 }, 'num_layers: expected at most 1024, got 100000000'],
    ['a scheduler', (config) => setTimesteps(config as object, { steps: 4 }), { num_train_timesteps: 1e12 }, 'num_train_timesteps: expected at most 1000000'],
    [
      'a checkpoint',
      (config) => parseLtxOriginalConfig(JSON.stringify(config), 'x.safetensors'),
      { transformer: 'x'.repeat(500_000) },
      'transformer: expected Object',
    ],
  ]
  it.each(configs)('a config of %s', (_name, parse, config, field) => {
    expect(refusalOf(() => parse(config)).message).toContain(field)
  })

  it('a storyboard', () => {
    expect(refusalOf(() => readStoryboard({ shots: many(1_000_000, { seconds: 1 }) })).message).toContain('shots: expected at most 60 entries, got 1000000')
    expect(refusalOf(() => readStoryboard({ shots: [{ seconds: 1e9 }] })).message).toContain('shots.0.seconds: expected at most 60, got 1000000000')
  })

  it('rows of a queue: kept apart, and the others are read', () => {
    const good = { id: 'a', request, modelId: 'starter', modelName: 'Starter', status: 'paused' }
    const bad = { ...good, id: 'b', request: { ...request, prompt: 'word '.repeat(600_000) } }
    expect(readJobs([bad, good])).toEqual({ jobs: [good], unread: [bad] })
  })
})

describe('a file is no larger than one of its kind', () => {
  it('JSON', async () => {
    expect(refusalOf(() => readJson(new Uint8Array(MAX_FILE_BYTES.config + 1), MAX_FILE_BYTES.config, 'config.json')).message).toBe(
      'config.json: expected at most 1048576 bytes, got 1048577; check that it is the right file.',
    )
    expect(refusalOf(() => readJson('{', 10, `${'x'.repeat(200_000)}.json`)).details['file']).toHaveLength(200)
    // an endless answer is read up to the bound
    let pulled = 0
    const endless = new Response(new ReadableStream({ pull: (stream) => (pulled++, stream.enqueue(new Uint8Array(2 ** 20))) }))
    await expect(readJsonBody(endless, MAX_FILE_BYTES.manifest, 'kinora.json')).rejects.toThrow('kinora.json: expected at most 4194304 bytes')
    expect(pulled).toBeLessThan(10)
  })

  it('the header of safetensors', () => {
    const long = writeSafetensors({}, { note: 'x'.repeat(2 ** 24) })
    expect(refusalOf(() => openSafetensors(long, 'w.safetensors')).message).toContain('expected a header of at most 16777216 bytes')
    const entries = Object.fromEntries(many(70_000).map((_, index) => [`t${index}`, { dtype: 'U8' as const, shape: [0], values: new Uint8Array(0) }]))
    const crowded = writeSafetensors(entries)
    expect(refusalOf(() => openSafetensors(crowded, 'w.safetensors')).message).toContain('expected at most 65536 tensors, got 70000')
    const named = writeSafetensors({ ['n'.repeat(10_000_000)]: { dtype: 'U8', shape: [1], values: new Uint8Array(1) } })
    // cut off in the data, so that the name is in the message
    expect(refusalOf(() => openSafetensors(named.slice(0, -1), 'w.safetensors')).message).toContain('w.safetensors is not readable')
    expect(openSafetensors(writeSafetensors({}, { note: `"${'\\"x'.repeat(2_000_000)}` }), 'w.safetensors').names).toEqual([])
  })

  it('tokenizer.json', () => {
    const vocabulary = bytesOf(`{"model":{"vocab":[${'["a",0],'.repeat(2_000_000)}["b",0]]}}`)
    expect(refusalOf(() => readTokenizerJson(vocabulary, 'tokenizer.json')).message).toContain('expected a tokenizer of at most 2500000 values')
    const pattern = bytesOf(JSON.stringify({ pre_tokenizer: { pretokenizers: [{ pattern: { Regex: '(a+)+$' } }] } }))
    expect(refusalOf(() => readTokenizerJson(pattern, 'tokenizer.json')).message).toContain(
      'whose pre_tokenizer has no repetition inside a repetition, got (a+)+$',
    )
    const long = bytesOf(JSON.stringify({ normalizer: { pattern: { Regex: 'a'.repeat(100_000) } } }))
    expect(refusalOf(() => readTokenizerJson(long, 'tokenizer.json')).message).toContain('patterns of at most 2000 characters')
  })
})

describe('patterns', () => {
  it.each([
    String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`,
    String.raw`(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+`,
    String.raw`[(|+]+\(+`,
    ' {2,}',
  ])('of known tokenizers run: %s', (pattern) => expect(mayRunForEver(pattern)).toBe(false))
  it.each(['(a+)+$', '(a|a)*b', '((ab)*c)+', '(x{1,}){2,}', '(?:a+){50}'])('that may run for ever are found: %s', (pattern) =>
    expect(mayRunForEver(pattern)).toBe(true),
  )
})

it('thousands of compressed texts in a PNG end as none', async () => {
  const png = new Uint8Array(readFileSync(new URL('../../public/icons/icon-192.png', import.meta.url)))
  const bomb = deflateSync(new Uint8Array(2 ** 23))
  const data = Uint8Array.from([...bytesOf('kinora-recipe'), 0, 1, 0, 0, 0, ...bomb])
  const chunk = new Uint8Array(12 + data.length)
  new DataView(chunk.buffer).setUint32(0, data.length)
  chunk.set(bytesOf('iTXt'), 4)
  chunk.set(data, 8)
  const file = new Uint8Array(png.length + 3000 * chunk.length)
  file.set(png.subarray(0, 33))
  for (let index = 0; index < 3000; index++) file.set(chunk, 33 + index * chunk.length)
  file.set(png.subarray(33), 33 + 3000 * chunk.length)
  const began = process.cpuUsage()
  expect(await readPngText(file, 'kinora-recipe')).toBeNull()
  expect(spentMs(began)).toBeLessThan(MAX_MS)
  // a chunk of megabytes without a keyword
  const bare = withPngText(png, 'other', 'x'.repeat(3_000_000))
  expect(await readPngText(bare, 'kinora-recipe')).toBeNull()
  expect(await readPngText(withPngText(png, 'kinora-recipe', '{}'), 'kinora-recipe')).toBe('{}')
})

describe('whatever a file has', () => {
  it('a message and its facts stay short, with their beginning and their end', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 5000, size: 'max' }), fc.string(), (name, rest) => {
        const { message, details } = new AppError('internal', `${name}: ${rest}`, { file: name })
        expect(message.length).toBeLessThanOrEqual(1000)
        expect(String(details['file']).length).toBeLessThanOrEqual(200)
      }),
      { numRuns: 20 },
    )
    const message = new AppError('internal', `${'x'.repeat(200_000)} is not a recipe.`).message
    expect(message).toMatch(/^x{200}.* … .*is not a recipe\.$/)
    expect(cutText('short')).toBe('short')
  })

  it('keys such as __proto__ change nothing, and are named as not understood', () => {
    const text = JSON.stringify(recipe).replace('"request":{', '"request":{"__proto__":{"steps":99},"constructor":{"x":1},')
    const read = parseRecipe(JSON.parse(text))
    expect(read.recipe.request).toEqual(request)
    expect(read.ignored).toEqual(['request.__proto__', 'request.constructor'])
    expect(({} as Record<string, unknown>)['steps']).toBeUndefined()
    const board = readStoryboard(JSON.parse('{"__proto__":{"sameSeed":true},"shots":[{"seconds":1,"toString":1}]}'))
    expect(board.sameSeed).toBeUndefined()
    expect(board.ignored).toEqual(['__proto__', 'shots.0.toString'])
    expect(readJobs(JSON.parse('[{"__proto__":{"id":"a"}}]')).jobs).toEqual([])
  })

  it('a recipe, storyboard, manifest or config is read or refused, never worse', () => {
    const parsers = [
      parseRecipe,
      readStoryboard,
      (data: unknown) => parseManifest(data, 'kinora.json'),
      parseLtxTransformerConfig,
      parseLtxAutoencoderConfig,
      parseKinoraAutoencoderConfig,
      parseT5EncoderConfig,
      (data: unknown) => parseLtxOriginalConfig(JSON.stringify(data) ?? '', 'x'),
    ]
    const seeds = [recipe, { shots: [{ seconds: 2, prompt: 'a' }] }, json('kinora.json'), json('transformer/config.json'), json('vae/config.json')]
    const hard = fc.oneof(fc.jsonValue(), fc.constantFrom(1e308, -1, 0.5, 1e9, '', [], {}, null, Number.MAX_SAFE_INTEGER))
    const mutated = fc.tuple(fc.constantFrom(...seeds), fc.nat(), hard).map(([seed, at, value]) => {
      const copy = structuredClone(seed) as Record<string, unknown>
      const paths = leafPaths(copy)
      return changed(copy, paths[at % paths.length] ?? '', value)
    })
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), mutated), fc.constantFrom(...parsers), (data, parse) => {
        try {
          parse(data)
        } catch (error) {
          if (!(error instanceof AppError) || error.code === 'internal') throw error
        }
      }),
      { numRuns: 2000 },
    )
  })
})

/** Paths of all values in an object, the inner ones included. */
function leafPaths(data: unknown, above = ''): string[] {
  if (typeof data !== 'object' || data === null) return []
  return Object.entries(data).flatMap(([key, value]) => {
    const path = above ? `${above}.${key}` : key
    return key.includes('.') ? [] : [path, ...leafPaths(value, path)]
  })
}
