// node scripts/run.mjs scripts/fuzz.ts [--parser NAME] [--seconds 30] [--seed 1]: feeds a parser files that are changed at random, and reports
// each that is neither read nor refused in words, that takes longer than a second, or whose message is long. All parsers when none is named.
// What it finds becomes a test: tests/unit/mutated-headers.test.ts, tests/unit/file-bounds.test.ts. Videos: tests/workers/mutated-media.spec.ts
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { AppError } from '../src/shared/errors'
import { parseManifest } from '../src/shared/model'
import { readPngText, withPngText } from '../src/shared/png-text'
import { parseRecipe, recipeOf } from '../src/shared/recipe'
import { readStoryboard } from '../src/shared/storyboard'
import { readJobs } from '../src/state/queue-jobs'
import { parseLtxAutoencoderConfig } from '../workers/models/ltx/autoencoder-config'
import { parseLtxTransformerConfig } from '../workers/models/ltx/transformer'
import { parseKinoraAutoencoderConfig } from '../workers/models/starter/autoencoder-config'
import { openGgufHeader } from '../workers/models/open-gguf'
import { createTokenizer } from '../workers/text/tokenizer'
import { blobSource } from '../workers/weights/byte-source'
import { writeSafetensors } from '../workers/weights/safetensors'
import { readSafetensorsHeader } from '../workers/weights/safetensors-table'
import { randomSource } from '../tests/gpu/reference'
import { mutate, mutateJson } from '../tests/unit/mutate'
import { array, ggufOf, key, tensor, text, u32 } from '../tests/unit/write-gguf'
import { root } from './process.mjs'

const MAX_MS = 1000
const MAX_MESSAGE = 1000
const never = new AbortController().signal

/** One parser: files to begin with, and how one is read. A parser of JSON gets values, others bytes. */
interface Parser {
  changed(next: () => number): unknown
  read(file: never): unknown
}

const starter = (path: string) => new Uint8Array(readFileSync(join(root, 'public/models/starter', path)))
const starterJson = (path: string) => JSON.parse(new TextDecoder().decode(starter(path))) as unknown
const request = { model: 'starter', prompt: 'a boat', width: 128, height: 128, frames: 17, fps: 8, steps: 10, guidance: 5, seed: 7 }
const condition = { source: { kind: 'image', id: 'a'.repeat(64) }, atFrame: 0, strength: 1, crop: { x: 0.5, y: 0.5, zoom: 1 } } as const
const shot = { prompt: 'a', frames: 9, join: 'cut', conditions: [condition] } as const
const full = { ...request, conditions: [condition], shots: [shot], initVideo: { source: condition.source, strength: 0.5 }, stg: { scale: 1, skipBlocks: [2] } }

const ofJson = (value: unknown, read: (data: unknown) => unknown): Parser => ({ changed: (next) => mutateJson(value, next), read })
const ofBytes = (bytes: Uint8Array, headerEnd: number, read: (changed: Uint8Array<ArrayBuffer>) => unknown): Parser => ({
  changed: (next) => mutate(bytes, headerEnd, next),
  read,
})
const source = (bytes: Uint8Array<ArrayBuffer>) => blobSource('x.file', new Blob([bytes]))

const safetensors = writeSafetensors(
  {
    'model.diffusion_model.patchify_proj.weight': { dtype: 'BF16', shape: [4, 2], values: new Uint16Array(8) },
    'encoder.block.0.layer.0.SelfAttention.q.weight': { dtype: 'F8_E4M3', shape: [2, 2], values: new Uint8Array(4) },
  },
  { config: '{"transformer":{"num_layers":28}}' },
)
const gguf = ggufOf({
  keys: [key('general.architecture', 8, text('t5encoder')), key('general.alignment', 4, u32(32)), array('tokens', 8, 1, [...text('a')])],
  tensors: [tensor('token_embd.weight', [256, 2], 12, 0)],
  dataBytes: 288,
})
const png = withPngText(new Uint8Array(readFileSync(join(root, 'public/icons/icon-192.png'))), 'kinora-recipe', JSON.stringify(full))

const PARSERS: Record<string, Parser> = {
  recipe: ofJson(recipeOf(full as never, { id: 'starter', name: 'Starter' }), parseRecipe),
  storyboard: ofJson({ version: 1, prompt: 'a', shots: [{ prompt: 'a', seconds: 2, join: 'cut', image: 'a.png' }] }, readStoryboard),
  queue: ofJson([{ id: 'a', request: full, modelId: 'starter', modelName: 'Starter', status: 'paused', batch: { id: 'b', label: 'c' } }], readJobs),
  manifest: ofJson(starterJson('kinora.json'), (data) => parseManifest(data, 'kinora.json')),
  transformer: ofJson(starterJson('transformer/config.json'), parseLtxTransformerConfig),
  autoencoder: ofJson(starterJson('vae/config.json'), parseKinoraAutoencoderConfig),
  'ltx-autoencoder': ofJson(parseLtxAutoencoderConfig({}), parseLtxAutoencoderConfig),
  safetensors: ofBytes(safetensors, safetensors.length, (bytes) => readSafetensorsHeader(never, source(bytes))),
  gguf: ofBytes(gguf, gguf.length - 288, (bytes) => openGgufHeader(never, source(bytes))),
  png: ofBytes(png, png.length, (bytes) => readPngText(bytes, 'kinora-recipe')),
  tokenizer: ofJson(starterJson('tokenizer/tokenizer.json'), (data) =>
    createTokenizer(new TextEncoder().encode(JSON.stringify(data)), starter('tokenizer/tokenizer_config.json'), 64)('a red boat on the sea'),
  ),
}

const { values } = parseArgs({
  options: { parser: { type: 'string' }, seconds: { type: 'string', default: '30' }, seed: { type: 'string', default: '1' } },
})
const names = values.parser === undefined ? Object.keys(PARSERS) : [values.parser]
let found = 0
for (const name of names) {
  const parser = PARSERS[name]
  if (!parser) throw new Error(`--parser: expected one of ${Object.keys(PARSERS).join(', ')}, got ${name}.`)
  found += await feed(name, parser)
}
process.exitCode = found > 0 ? 1 : 0

/** Feeds one parser for its time. @returns how many files went wrong */
async function feed(name: string, parser: Parser): Promise<number> {
  const next = randomSource(Number(values.seed))
  const until = performance.now() + Number(values.seconds) * 1000
  const seen = new Set<string>()
  let files = 0
  for (; performance.now() < until; files++) {
    const file = parser.changed(next)
    const began = performance.now()
    let problem: string | undefined
    try {
      await parser.read(file as never)
    } catch (error) {
      if (!(error instanceof AppError)) problem = `${String(error)} ${error instanceof Error ? (error.stack?.split('\n')[1]?.trim() ?? '') : ''}`
      else if (error.code === 'internal') problem = `internal: ${error.message}`
      else if (error.message.length > MAX_MESSAGE) problem = `a message of ${error.message.length} characters`
    }
    const ms = performance.now() - began
    if (ms > MAX_MS) problem ??= `${Math.round(ms)} ms`
    if (problem === undefined || seen.has(problem)) continue
    seen.add(problem)
    console.log(
      `${name}, file ${files}: ${problem}\n  ${(file instanceof Uint8Array ? Buffer.from(file).toString('base64') : JSON.stringify(file)).slice(0, 500)}`,
    )
  }
  console.log(`${name}: ${files} files, ${seen.size} problems`)
  return seen.size
}
