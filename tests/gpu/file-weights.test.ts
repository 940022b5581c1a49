import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { f32ToF16 } from '../../workers/engine/half-floats'
import { withScope, type Scope } from '../../workers/engine/scope'
import type { Tensor } from '../../workers/engine/tensor'
import { LtxTransformer, type TransformerOptions } from '../../workers/models/ltx/transformer'
import { streamInMemory } from '../../workers/models/stream-in-memory'
import { T5Encoder } from '../../workers/models/t5/encoder'
import { parseT5EncoderConfig } from '../../workers/models/t5/encoder-config'
import { halfRequests, loadHalf } from '../../workers/models/t5/encoder-weights'
import { weightSource } from '../../workers/models/weight-source'
import type { WeightFormat } from '../../workers/ops/linear'
import type { WeightStream } from '../../workers/ops/weight-stream'
import { openSafetensors, writeSafetensors, type TensorToWrite } from '../../workers/weights/safetensors'
import { FileWeights } from '../../workers/weights/file-weights'
import { TensorReader } from '../../workers/weights/tensor-reader'
import { openTensorTable, readSafetensorsHeader } from '../../workers/weights/safetensors-table'
import { TensorWriter } from '../../workers/weights/tensor-writer'
import { CacheRecorder, cacheFileName, openCache, type CacheIdentity } from '../../workers/weights/quantized-weights'
import { readCase, readWeights } from '../parity/read-case'
import { nodeSink, nodeSource } from './node-file'
import { testGpu } from './open-gpu'
import { randomValues } from './reference'

const gpu = await testGpu()
const never = new AbortController().signal
const folder = mkdtempSync(join(tmpdir(), 'kinora-weights-'))
const parity = (name: string) => fileURLToPath(new URL(`../parity/${name}`, import.meta.url))

/** Small enough that every matrix is read in several pieces. */
const PIECE = 1000
const openReader = async (path: string, reads: [number, number][] = []) => new TensorReader(await openTensorTable(never, nodeSource(path, reads)), PIECE)

/** A whole file in memory. */
const readWeightsOf = (path: string) => weightSource(openSafetensors(new Uint8Array(readFileSync(path))))

/** One evaluation on random tokens. */
async function evaluate(scope: Scope, transformer: LtxTransformer): Promise<Float32Array> {
  const { in_channels: channels, caption_channels: caption } = transformer.config
  const text = transformer.prepareText(scope, scope.upload(randomValues(1, 5 * caption), [1, 5, caption], 'f32'))
  const rope = transformer.prepareGrid(scope, { frames: 2, height: 3, width: 2 })
  const tokens = scope.upload(randomValues(2, 12 * channels), [1, 12, channels], 'f32')
  return gpu.read(transformer.forward(scope, tokens, text, rope, Float32Array.of(500)))
}

const optionsOf = (linearFormat: WeightFormat): TransformerOptions => ({ precision: 'f32', linearFormat })

test.each([
  ['ltx_transformer_original_keys', 'f32'],
  ['ltx_transformer_original_keys', 'i8'],
  ['ltx_transformer_coords', 'i4'],
  ['ltx_transformer_tokens', 'f16'], // odd channels
] as const)('loads %s in %s from the file in pieces and from the cache, with the same result as from memory', async (name, format) => {
  const path = join(parity(name), 'weights.safetensors')
  const { config } = readCase(parity(name))
  const identity: CacheIdentity = { modelFiles: `${name} 1`, format }
  const cachePath = join(folder, await cacheFileName(identity))

  const expected = await withScope(gpu, (scope) => evaluate(scope, LtxTransformer.load(scope, config, readWeights(parity(name)), optionsOf(format))))

  const reads: [number, number][] = []
  const reader = await openReader(path, reads)
  const recorder = new CacheRecorder(new FileWeights(reader), new TensorWriter(nodeSink(cachePath), 4 * reader.table.entries.size), identity)
  const streamed = await withScope(gpu, async (scope) => evaluate(scope, await LtxTransformer.stream(never, scope, config, recorder, optionsOf(format))))
  expect(Buffer.compare(Buffer.from(streamed.buffer), Buffer.from(expected.buffer))).toBe(0)
  expect(recorder.finish()).toBe(true)
  expect(reader.held).toMatchObject({ pieces: 0, bytes: 0, peakPieces: 2 })
  expect(reader.held.peakBytes).toBeLessThanOrEqual(2 * Math.max(PIECE, 8 * 4 * 80 * 4))
  // matrices are read in order and once; all other reads belong to them
  const large = reads.filter(([start, end]) => end - start > 500).map(([start]) => start)
  expect(large).toEqual([...large].sort((a, b) => a - b))

  const cache = openCache(await openTensorTable(never, nodeSource(cachePath)), identity)
  if (!cache) throw new Error('Expected a cache.')
  const again = await withScope(gpu, async (scope) => evaluate(scope, await LtxTransformer.stream(never, scope, config, cache, optionsOf(format))))
  expect(Buffer.compare(Buffer.from(again.buffer), Buffer.from(expected.buffer))).toBe(0)
  expect(openCache(cache.reader.table, { ...identity, modelFiles: `${name} 2` })).toBeUndefined()
  expect(openCache(cache.reader.table, { ...identity, format: format === 'i8' ? 'i4' : 'i8' })).toBeUndefined()
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('loads the starter, whose matrices are int8 in the file', async () => {
  const starter = fileURLToPath(new URL('../../public/models/starter/transformer', import.meta.url))
  const config = JSON.parse(readFileSync(join(starter, 'config.json'), 'utf8')) as unknown
  const reader = new TensorReader(await openTensorTable(never, nodeSource(join(starter, 'diffusion_pytorch_model.safetensors'))))
  const stream = new FileWeights(reader)
  const requests = LtxTransformer.requests(config, stream, optionsOf('i8'))
  expect(requests.filter((request) => request.kind === 'linear' && request.format === 'i8').length).toBeGreaterThan(20)
  await withScope(gpu, async (scope) => {
    const [first] = requests.filter((request) => request.kind === 'linear' && stream.isInt8(`${request.name}.weight`))
    if (first?.kind !== 'linear') throw new Error('Expected an int8 matrix.')
    const inMemory = streamInMemory(readWeightsOf(join(starter, 'diffusion_pytorch_model.safetensors')))
    const [a, b] = [await stream.read(never, scope, [first]), await inMemory.read(never, scope, [first])].map(({ linear }) => linear.get(first.name)?.data)
    expect(Buffer.compare(Buffer.from(await gpu.readBytes(a as Tensor)), Buffer.from(await gpu.readBytes(b as Tensor)))).toBe(0)
  })
})

test('loads without a cache when the disk is full, and leaves no cache that opens', async () => {
  const name = 'ltx_transformer_original_keys'
  const { config } = readCase(parity(name))
  const identity: CacheIdentity = { modelFiles: name, format: 'i8' }
  const path = join(folder, 'full.safetensors')
  const reader = await openReader(join(parity(name), 'weights.safetensors'))
  const recorder = new CacheRecorder(new FileWeights(reader), new TensorWriter(nodeSink(path, 60_000), 200), identity)
  await withScope(gpu, async (scope) => void (await LtxTransformer.stream(never, scope, config, recorder, optionsOf('i8'))))
  expect(recorder.finish()).toBe(false)
  expect(recorder.failure).toMatchObject({ name: 'QuotaExceededError' })
  await expect(openTensorTable(never, nodeSource(path))).rejects.toThrow('not readable as safetensors')
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('rejects missing and wrong weights before any allocation', async () => {
  const name = 'ltx_transformer_original_keys'
  const { config } = readCase(parity(name))
  const stream = new FileWeights(await openReader(join(parity(name), 'weights.safetensors')))
  const load = (change: object) => withScope(gpu, (scope) => LtxTransformer.stream(never, scope, { ...config, ...change }, stream, optionsOf('i4')))
  gpu.pool.resetPeak()
  await expect(load({ num_layers: 2 })).rejects.toThrow('weights.safetensors: expected a tensor model.diffusion_model.transformer_blocks.1.')
  await expect(load({ in_channels: 18 })).rejects.toThrow(/patchify_proj.weight does not fit: expected shape \[64, 18\], got \[64, 16\]/)
  expect(gpu.pool.peakBytes).toBe(0)
})

test('frees all memory when reading is aborted', async () => {
  const name = 'ltx_transformer_original_keys'
  const controller = new AbortController()
  const reader = await openReader(join(parity(name), 'weights.safetensors'))
  const aborting: WeightStream = new FileWeights(reader)
  const loading = withScope(gpu, (scope) => LtxTransformer.stream(controller.signal, scope, readCase(parity(name)).config, aborting, optionsOf('i8')))
  setTimeout(() => controller.abort(), 5)
  await expect(loading).rejects.toThrow('aborted')
  expect(reader.held).toMatchObject({ pieces: 0, bytes: 0 })
  expect(gpu.pool.liveBuffers).toBe(0)
})

/** A T5 v1.1 of random f16 values, with its embedding table: D = 32, 2 heads of 16, F = 64. */
const T5 = { vocab_size: 40, d_model: 32, d_kv: 16, d_ff: 64, num_heads: 2, feed_forward_proj: 'gated-gelu' }
function writeT5(blocks: number): string {
  let seed = 1
  const tensor = (...shape: number[]): TensorToWrite => ({
    dtype: 'F16',
    shape,
    values: f32ToF16(
      randomValues(
        seed++,
        shape.reduce((a, b) => a * b, 1),
        shape.length > 1 ? 0.3 : 1,
      ),
    ),
  })
  const tensors: Record<string, TensorToWrite> = {
    'shared.weight': tensor(40, 32),
    'encoder.final_layer_norm.weight': tensor(32),
    'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight': tensor(32, 2),
  }
  for (let block = 0; block < blocks; block++) {
    const layer = `encoder.block.${block}.layer`
    for (const part of ['q', 'k', 'v', 'o']) tensors[`${layer}.0.SelfAttention.${part}.weight`] = tensor(32, 32)
    for (const part of ['wi_0', 'wi_1']) tensors[`${layer}.1.DenseReluDense.${part}.weight`] = tensor(64, 32)
    tensors[`${layer}.1.DenseReluDense.wo.weight`] = tensor(32, 64)
    for (const half of [0, 1]) tensors[`${layer}.${half}.layer_norm.weight`] = tensor(32)
  }
  const path = join(folder, `t5-${blocks}.safetensors`)
  writeFileSync(path, writeSafetensors(tensors))
  return path
}

test('loads T5 from a file and from its cache, half a block at a time, in constant memory', async () => {
  const prompt = Uint32Array.of(7, 39, 7, 0, 1)
  const encode = async (stream: WeightStream, blocks: number, format: WeightFormat) => {
    gpu.pool.resetPeak()
    const values = await withScope(gpu, async (scope) => {
      const encoder = new T5Encoder(parseT5EncoderConfig({ ...T5, num_layers: blocks }), { precision: 'f32', linearFormat: format }, stream)
      return gpu.read((await encoder.encode(never, scope, [prompt]))[0] as Tensor)
    })
    return { bytes: Buffer.from(values.buffer), peak: gpu.pool.peakBytes }
  }
  const peaks: Record<string, number[]> = { stored: [], cached: [] }
  for (const blocks of [3, 12]) {
    const path = writeT5(blocks)
    const config = parseT5EncoderConfig({ ...T5, num_layers: blocks })
    const expected = await encode(streamInMemory(readWeightsOf(path)), blocks, 'i8')
    const reader = await openReader(path)
    const stored = await encode(new FileWeights(reader), blocks, 'i8')
    expect(stored.bytes.equals(expected.bytes)).toBe(true)
    expect(reader.held.peakPieces).toBeLessThanOrEqual(2)
    peaks['stored']?.push(stored.peak)

    // the cache is written in one pass over the half blocks, each freed at once
    const identity: CacheIdentity = { modelFiles: `t5 ${blocks}`, format: 'i8' }
    const cachePath = join(folder, await cacheFileName(identity))
    const recorder = new CacheRecorder(new FileWeights(reader), new TensorWriter(nodeSink(cachePath), 30 * blocks), identity)
    for (let half = 0; half < 2 * blocks; half++) await withScope(gpu, (scope) => loadHalf(never, scope, half, config, 'i8', recorder))
    await recorder.floats(never, 'encoder.final_layer_norm.weight', [32])
    await recorder.floats(never, 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight', [32, 2])
    await recorder.copyTable(never, reader, 'shared.weight')
    expect(recorder.finish()).toBe(true)
    const reads: [number, number][] = []
    const cache = openCache(await openTensorTable(never, nodeSource(cachePath, reads)), identity)
    if (!cache) throw new Error('Expected a cache.')
    const cached = await encode(cache, blocks, 'i8')
    expect(cached.bytes.equals(expected.bytes)).toBe(true)
    peaks['cached']?.push(cached.peak)
    // only the rows of four distinct ids are read from the table, each separately, in F16
    const span = await tableSpan(cachePath)
    expect(reads.filter(([start]) => start >= span.start && start < span.end).map(([start, end]) => [(start - span.start) / 64, end - start])).toEqual([
      [0, 64],
      [1, 64],
      [7, 64],
      [39, 64],
    ])
    expect(halfRequests(config, 'i8', cache).flat().length).toBe(9 * blocks)
  }
  for (const [few, many] of Object.values(peaks) as [number, number][]) expect(many).toBe(few)
  expect(gpu.pool.liveBuffers).toBe(0)
})

async function tableSpan(path: string): Promise<{ start: number; end: number }> {
  const span = (await readSafetensorsHeader(never, nodeSource(path))).tensors.get('shared.weight')
  if (!span) throw new Error('Expected a table.')
  return span
}
