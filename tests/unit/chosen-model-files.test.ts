// Model files that a person chooses: recognized by their content, and held to exactly what loading will read.
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { CATALOGUE, type CatalogueEntry } from '../../src/shared/model-catalogue'
import { checkLocalFiles } from '../../workers/pipeline/check-local-files'
import { openSafetensors, writeSafetensors, type TensorToWrite } from '../../workers/weights/safetensors'
import { tinyGgufT5 } from '../e2e/tiny-gguf-t5'
import { t5Shapes, tinyLtx, tinyLtxFolder, tinyT5, tinyTokenizer } from '../e2e/tiny-ltx'
import { ggufOf, key, tensor, text } from './write-gguf'

const entry = (id: string): CatalogueEntry => CATALOGUE.find((one) => one.id === id) ?? fail(id)
const VIDEO = entry('ltxv-2b-0.9.8-distilled')
const ENCODER = entry('t5-xxl-fp8')
const TOKENIZER = entry('t5-tokenizer')
const never = new AbortController().signal

function fail(id: string): never {
  throw new Error(`no catalogue entry ${id}`)
}

/** Chooses a file for an entry: 'accepted', or the error's message. */
async function choose(what: CatalogueEntry, name: string, bytes: Uint8Array): Promise<string> {
  try {
    await checkLocalFiles(never, [what], { kind: 'file', file: new File([new Uint8Array(bytes)], name) })
    return 'accepted'
  } catch (error) {
    if (error instanceof AppError) return error.message
    throw error
  }
}

const zeros = (shapes: Record<string, readonly number[]>): Record<string, TensorToWrite> =>
  Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [
      name,
      { dtype: 'F32', shape, values: new Float32Array(shape.reduce((product, size) => product * size, 1)) },
    ]),
  )
const t5 = t5Shapes(64)
const without = (shapes: Record<string, readonly number[]>, part: RegExp) => Object.fromEntries(Object.entries(shapes).filter(([name]) => !part.test(name)))
const BIAS = 'layer.0.SelfAttention.relative_attention_bias.weight'
/** The encoder's blocks again as a decoder's, which have a third layer. */
const wholeT5 = {
  ...t5,
  ...Object.fromEntries(
    Object.entries(t5).flatMap(([name, shape]) =>
      name.startsWith('encoder.')
        ? [
            [name.replace('encoder.', 'decoder.').replace('layer.1.', 'layer.2.'), shape] as const,
            [name.replace('encoder.', 'decoder.').replace('layer.0.SelfAttention', 'layer.1.EncDecAttention'), shape] as const,
          ]
        : [],
    ),
  ),
  'lm_head.weight': [64, 32],
}
const isWhole = (name: string) => name.startsWith('vae.') || name.startsWith('model.')

/** A checkpoint without some of its tensors. */
function ltxWithout(part: RegExp): Uint8Array {
  const { names, metadata, tensor: read } = openSafetensors(tinyLtx())
  const kept = names.filter((name) => isWhole(name) && !part.test(name))
  return writeSafetensors(
    Object.fromEntries(
      kept.map((name) => {
        const { dtype, shape, bytes } = read(name)
        return [name, { dtype, shape, values: bytes }]
      }),
    ),
    { ...metadata },
  )
}

describe('a text encoder', () => {
  test.each([
    ['safetensors', 't5.safetensors', tinyT5()],
    ['GGUF', 't5.gguf', tinyGgufT5().gguf],
    ['GGUF under another name', 't5.safetensors', tinyGgufT5().gguf],
    ['GGUF without an ending', 'blob', tinyGgufT5().gguf],
    ['with its decoder', 't5.safetensors', writeSafetensors(zeros(wholeT5))],
    ['with a table of its own', 't5.safetensors', writeSafetensors(zeros({ ...t5, 'encoder.embed_tokens.weight': [64, 32] }))],
  ])('is accepted as %s', async (_, name, bytes) => expect(await choose(ENCODER, name, bytes)).toBe('accepted'))

  test.each([
    [
      'UMT5',
      'umt5.safetensors',
      writeSafetensors(zeros({ ...t5, [`encoder.block.1.${BIAS}`]: [32, 4] })),
      'umt5.safetensors contains UMT5, which has a position bias in every block;',
    ],
    [
      'mT5',
      'mt5.safetensors',
      writeSafetensors(zeros({ ...t5, 'shared.weight': [32129, 32] })),
      'mt5.safetensors contains mT5, which has a vocabulary of its own;',
    ],
    [
      'one part of two',
      'model-00001-of-00002.safetensors',
      writeSafetensors(zeros(without(t5, /block\.1|final/))),
      "model-00001-of-00002.safetensors is part 1 of 2 of a model's weights; expected a file with all weights, or the folder of the whole model",
    ],
    [
      'one part under another name',
      'half.safetensors',
      writeSafetensors(zeros(without(t5, /block\.1|final/))),
      'half.safetensors: expected a tensor encoder.final_layer_norm.weight, which the file does not have.',
    ],
    [
      'one without a matrix',
      't5.safetensors',
      writeSafetensors(zeros(without(t5, /block\.1\.layer\.0\.SelfAttention\.k/))),
      't5.safetensors: expected a tensor encoder.block.1.layer.0.SelfAttention.k.weight, which the file does not have.',
    ],
    [
      'one with another shape',
      't5.safetensors',
      writeSafetensors(zeros({ ...t5, 'encoder.block.1.layer.1.DenseReluDense.wo.weight': [32, 63] })),
      'the weight encoder.block.1.layer.1.DenseReluDense.wo.weight does not fit: expected shape [32, 64], got [32, 63].',
    ],
    [
      'a checkpoint of LTX-Video',
      'ltxv.safetensors',
      tinyLtx(),
      'ltxv.safetensors holds a transformer of LTX-Video and an autoencoder of LTX-Video; expected a T5 v1.1 encoder.',
    ],
  ])('is told from %s', async (_, name, bytes, message) => expect(await choose(ENCODER, name, bytes)).toContain(message))
})

describe('a video model', () => {
  test('is accepted as a single file', async () => expect(await choose(VIDEO, 'ltxv.safetensors', tinyLtx())).toBe('accepted'))

  test.each([
    ['a matrix of its transformer', /transformer_blocks\.0\.ff\.net\.2\.weight/, 'transformer_blocks.0.ff.net.2.weight'],
    ['a table of its transformer', /diffusion_model\.scale_shift_table/, 'model.diffusion_model.scale_shift_table'],
    ["its autoencoder's encoder", /vae\.encoder\.conv_out/, 'vae.encoder.conv_out.conv.bias'],
    ["a part of its autoencoder's decoder", /vae\.decoder\.up_blocks\.2\.res_blocks\.0\.conv2/, 'vae.decoder.up_blocks.2.res_blocks.0.conv2.conv'],
  ])('is refused without %s', async (_, part, name) => {
    const message = await choose(VIDEO, 'ltxv.safetensors', ltxWithout(part))
    expect(message).toMatch(/^ltxv\.safetensors: expected a tensor .*, which the file does not have\.$/)
    expect(message).toContain(name)
  })

  test('is told from a GGUF of its transformer, whatever its types', async () => {
    for (const type of [0, 2]) {
      const file = ggufOf({
        keys: [key('general.architecture', 8, text('ltxv'))],
        tensors: [tensor('patchify_proj.weight', [128, 64], type, 0), tensor('transformer_blocks.0.attn1.q_norm.weight', [64], 0, 32768)],
        dataBytes: 33024,
      })
      const message = await choose(VIDEO, 'ltxv.safetensors', file)
      expect(message).toContain("ltxv.safetensors is a GGUF of LTX-Video's transformer alone; expected the single-file checkpoint (.safetensors)")
    }
  })

  test('is told from a GGUF of a text encoder', async () => {
    expect(await choose(VIDEO, 'any', tinyGgufT5().gguf)).toBe('any holds a T5 v1.1 encoder; expected a transformer of LTX-Video.')
  })
})

describe('a folder', () => {
  const folder = (files: Record<string, Uint8Array>) =>
    ({ kind: 'folder', name: 'LTX', folder: Object.entries(files).map(([path, bytes]) => ({ path, file: new File([new Uint8Array(bytes)], path) })) }) as const
  const whole = tinyLtxFolder()

  test('of a whole model is accepted, with its text encoder', async () => {
    const found = await checkLocalFiles(never, [VIDEO, ENCODER, TOKENIZER], folder(whole))
    expect(found.map(({ source }) => source)).toEqual([VIDEO.id, ENCODER.id, TOKENIZER.id])
  })

  test('in which a part of the text encoder is missing is refused, naming it', async () => {
    const { 'text_encoder/model.safetensors': _, ...rest } = whole
    const index = {
      weight_map: Object.fromEntries(Object.keys(t5).map((name) => [name, `model-0000${/block\.1|final/.test(name) ? 2 : 1}-of-00002.safetensors`])),
    }
    const files = {
      ...rest,
      'text_encoder/model.safetensors.index.json': new TextEncoder().encode(JSON.stringify(index)),
      'text_encoder/model-00001-of-00002.safetensors': writeSafetensors(zeros(without(t5, /block\.1|final/))),
    }
    await expect(checkLocalFiles(never, [VIDEO, ENCODER, TOKENIZER], folder(files))).rejects.toThrow(
      'text_encoder/model-00002-of-00002.safetensors is missing: text_encoder/model.safetensors.index.json lists it as a part of the weights.',
    )
  })
})

describe('a tokenizer', () => {
  const json = JSON.parse(tinyTokenizer.toString()) as { model: { vocab: [string, number][] } }
  const changed = (more: object) => new TextEncoder().encode(JSON.stringify({ ...json, ...more }))

  test('of T5 is accepted', async () => expect(await choose(TOKENIZER, 'tokenizer.json', tinyTokenizer)).toBe('accepted'))

  test.each([
    [
      'a SentencePiece model',
      'spiece.model',
      Uint8Array.of(0x0a, 14, 0x0a, 5, ...new TextEncoder().encode('<pad>'), 0x15, 0, 0, 0, 0, 0x18, 3),
      'spiece.model is a SentencePiece model',
    ],
    ['something that is not JSON', 'readme.txt', new TextEncoder().encode('A tokenizer'), 'readme.txt is a file that is not JSON'],
    [
      'a tokenizer_config.json',
      'tokenizer_config.json',
      new TextEncoder().encode('{"model_max_length":512}'),
      'tokenizer_config.json is JSON without a model and its vocabulary',
    ],
    ['a byte-level one', 'tokenizer.json', changed({ model: { type: 'BPE', vocab: { a: 0 }, merges: [] } }), 'tokenizer.json is a tokenizer of type BPE'],
    [
      'one with other special tokens',
      'tokenizer.json',
      changed({ model: { ...json.model, vocab: [['<s>', 0], ['<pad>', 0], ['</s>', 0], ...json.model.vocab.slice(3)] } }),
      'tokenizer.json is a tokenizer that begins with <s>, <pad>, </s>',
    ],
    [
      'one with a larger vocabulary',
      'tokenizer.json',
      changed({ model: { ...json.model, vocab: [...json.model.vocab, ...Array.from({ length: 32129 }, (_, index) => [`▁${index}`, -20])] } }),
      'tokens, as those of mT5 and UMT5',
    ],
    ['one that does not end prompts', 'tokenizer.json', changed({ post_processor: null }), 'tokenizer.json is a tokenizer that does not end prompts with </s>'],
  ])('is told from %s', async (_, name, bytes, message) => {
    const said = await choose(TOKENIZER, name, bytes)
    expect(said).toContain(message)
    expect(said).toContain('expected a tokenizer.json of T5')
  })
})
