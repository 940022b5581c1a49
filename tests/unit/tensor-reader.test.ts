import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { f32ToF16 } from '../../workers/engine/half-floats'
import { blobSource, type ByteSource } from '../../workers/weights/byte-source'
import { filesFolder } from '../../workers/weights/local-source'
import { openGgufT5Table } from '../../workers/models/t5/gguf-table'
import { writeSafetensors, type TensorToWrite } from '../../workers/weights/safetensors'
import { TensorReader } from '../../workers/weights/tensor-reader'
import { openPartTable, openTensorTable, type FileFolder } from '../../workers/weights/safetensors-table'
import { TensorWriter } from '../../workers/weights/tensor-writer'
import { ggufOf, tensor as ggufTensor } from './write-gguf'

const never = new AbortController().signal
const floats = (...values: number[]): TensorToWrite => ({ dtype: 'F32', shape: [values.length], values: Float32Array.from(values) })
const matrix = (rows: number, columns: number, first = 0): TensorToWrite => ({
  dtype: 'F32',
  shape: [rows, columns],
  values: Float32Array.from({ length: rows * columns }, (_, i) => first + i),
})

/** Bytes as a source that records its reads. */
function source(bytes: Uint8Array<ArrayBuffer>, name = 'w.safetensors'): ByteSource & { reads: [number, number][] } {
  const reads: [number, number][] = []
  const blob = blobSource(name, new Blob([bytes]))
  return { ...blob, reads, read: (signal, start, end) => (reads.push([start, end]), blob.read(signal, start, end)) }
}

/** A folder of files in memory, as from a browser without folder handles. */
function folderOf(files: Record<string, Uint8Array<ArrayBuffer> | string>): FileFolder {
  return filesFolder(Object.entries(files).map(([path, content]) => ({ path, file: new File([content], path.split('/').at(-1) ?? '') })))
}

const refusal = async (run: Promise<unknown>): Promise<string> => {
  const error: unknown = await run.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (error === undefined) return 'accepted'
  if (!(error instanceof AppError)) throw error
  return `${error.code}: ${error.message}`
}

describe('TensorReader', () => {
  test('reads the header, then only the requested tensors', async () => {
    const file = source(writeSafetensors({ a: floats(1, 2, 3), b: matrix(100, 10), c: floats(4) }))
    const reader = new TensorReader(await openTensorTable(never, file))
    const header = file.reads.reduce((sum, [start, end]) => sum + end - start, 0)
    expect(header).toBeLessThan(400)
    expect([...(await reader.floats(never, 'c', [1]))]).toEqual([4])
    expect(file.reads.slice(2).map(([start, end]) => end - start)).toEqual([4])
    expect([...(await reader.rows(never, 'b', Uint32Array.of(99, 3, 3)))]).toEqual(
      [99, 3, 3].flatMap((row) => Array.from({ length: 10 }, (_, i) => row * 10 + i)),
    )
    expect(file.reads.slice(3).map(([start, end]) => end - start)).toEqual([40, 40])
  })

  test('gives pieces of whole rows, holds at most two, and releases them', async () => {
    const reader = new TensorReader(await openTensorTable(never, source(writeSafetensors({ b: matrix(50, 10) }))), 700)
    const found: number[] = []
    for await (const { first, bytes } of reader.pieces(never, 'b', 8)) {
      expect(first).toBe(found.length / 10)
      expect(reader.held.pieces).toBe(first === 48 ? 1 : 2)
      found.push(...new Float32Array(bytes.slice().buffer))
    }
    expect(found).toEqual(Array.from({ length: 500 }, (_, i) => i))
    expect(reader.held).toEqual({ pieces: 0, bytes: 0, peakPieces: 2, peakBytes: 2 * 16 * 40 })
    for await (const { first } of reader.pieces(never, 'b', 8)) if (first >= 16) break
    expect(reader.held).toMatchObject({ pieces: 0, bytes: 0 })
  })

  test('gives floats in pieces, and rejects another shape before it reads', async () => {
    const half = { dtype: 'F16', shape: [50, 10], values: f32ToF16(Float32Array.from({ length: 500 }, (_, i) => i)) } as const
    const file = source(writeSafetensors({ b: half }))
    const reader = new TensorReader(await openTensorTable(never, file), 400)
    const found: number[] = []
    for await (const { first, values } of reader.floatPieces(never, 'b', [50, 10])) {
      expect(first).toBe(found.length / 10)
      found.push(...values)
    }
    expect(found).toEqual(Array.from({ length: 500 }, (_, i) => i))
    expect(reader.held).toMatchObject({ pieces: 0, peakPieces: 2, peakBytes: 800 })
    const reads = file.reads.length
    expect(await refusal(reader.floatPieces(never, 'b', [10, 50]).next())).toBe(
      'weights-corrupt: w.safetensors: the weight b does not fit: expected shape [10, 50], got [50, 10].',
    )
    expect(await refusal(reader.floatPieces(never, 'none', [1]).next())).toBe(
      'weights-corrupt: w.safetensors: expected a tensor none, which the file does not have.',
    )
    expect(file.reads).toHaveLength(reads)
  })

  test('orders items by the position of their tensors', async () => {
    const reader = new TensorReader(await openTensorTable(never, source(writeSafetensors({ b: floats(1), a: floats(2), c: floats(3) }))))
    expect(reader.inOrder(['c', 'none', 'a', 'b'], (name) => name)).toEqual(['b', 'a', 'c', 'none'])
  })

  test('rethrows a failure and releases its pieces', async () => {
    const table = await openTensorTable(never, source(writeSafetensors({ b: matrix(50, 10) })))
    const failing = new TensorReader(
      { ...table, rows: (signal, name, first, count) => (first >= 16 ? Promise.reject(new Error('cut')) : table.rows(signal, name, first, count)) },
      320,
    )
    await expect(
      (async () => {
        for await (const _ of failing.pieces(never, 'b', 8));
      })(),
    ).rejects.toThrow('cut')
    expect(failing.held).toMatchObject({ pieces: 0, bytes: 0 })
    await expect(failing.floats(AbortSignal.abort(), 'b', [50, 10])).rejects.toThrow('aborted')
    expect(failing.held).toMatchObject({ pieces: 0, bytes: 0 })
  })

  test('reports tensors that do not fit', async () => {
    const whole: TensorToWrite = { dtype: 'I64', shape: [1], values: BigInt64Array.of(1n) }
    const reader = new TensorReader(await openTensorTable(never, source(writeSafetensors({ a: floats(1), whole }))))
    expect(await refusal(reader.floats(never, 'x', [1]))).toBe('weights-corrupt: w.safetensors: expected a tensor x, which the file does not have.')
    expect(await refusal(reader.floats(never, 'a', [2]))).toBe('weights-corrupt: w.safetensors: the weight a does not fit: expected shape [2], got [1].')
    expect(await refusal(reader.floats(never, 'whole', [1]))).toContain('expected F32, F16, BF16 or F8_E4M3, got I64')
    await expect(reader.rows(never, 'a', Uint32Array.of(1))).rejects.toThrow('a: expected rows below 1, got 1')
  })
})

describe('openPartTable', () => {
  const index = (map: Record<string, string>) => JSON.stringify({ metadata: { total_size: 1 }, weight_map: map })
  const open = (files: Record<string, Uint8Array<ArrayBuffer> | string>) => openPartTable(never, folderOf(files), 'transformer', 'model')

  test('opens a single file', async () => {
    const table = await open({ 'transformer/model.safetensors': writeSafetensors({ a: floats(5) }, { format: 'pt' }) })
    expect(table.metadata).toEqual({ format: 'pt' })
    expect([...(await new TensorReader(table).floats(never, 'a', [1]))]).toEqual([5])
  })

  test('opens several files with an index', async () => {
    const files = {
      'transformer/model.safetensors.index.json': index({ a: 'model-2.safetensors', b: 'model-1.safetensors', c: 'model-1.safetensors' }),
      'transformer/model-1.safetensors': writeSafetensors({ c: floats(3), b: floats(2) }),
      'transformer/model-2.safetensors': writeSafetensors({ a: floats(1), unlisted: floats(9) }),
    }
    const reader = new TensorReader(await open(files))
    expect([...reader.table.entries.keys()]).toEqual(['c', 'b', 'a'])
    for (const [name, value] of [
      ['a', 1],
      ['b', 2],
      ['c', 3],
    ] as const)
      expect([...(await reader.floats(never, name, [1]))]).toEqual([value])
  })

  test.each([
    ['a missing file', {}, 'weights-missing: transformer/model.safetensors could not be read from the disk: it does not exist.'],
    ['an index that is not JSON', { 'transformer/model.safetensors.index.json': '{' }, 'index.json is not readable: expected JSON'],
    [
      'an index of something else',
      { 'transformer/model.safetensors.index.json': '{"weight_map":{"a":1}}' },
      'is not an index of safetensors files: weight_map.a',
    ],
    [
      'an index with a path outside the folder',
      { 'transformer/model.safetensors.index.json': index({ a: '../secret.safetensors' }) },
      'is not an index of safetensors files: weight_map.a',
    ],
    ['a missing shard', { 'transformer/model.safetensors.index.json': index({ a: 'm.safetensors' }) }, 'weights-missing: transformer/m.safetensors'],
    [
      'a missing tensor',
      {
        'transformer/model.safetensors.index.json': index({ a: 'm.safetensors' }),
        'transformer/m.safetensors': writeSafetensors({ b: floats(1) }),
      },
      'index.json: expected a in m.safetensors',
    ],
  ])('rejects %s', async (_, files, message) => {
    expect(await refusal(open(files))).toContain(message)
  })
})

describe('openGgufT5Table', () => {
  test('gives tensors under transformers’ names, dequantized', async () => {
    const rows = 4
    const q8Bytes = rows * 34
    const file = ggufOf({
      tensors: [
        ggufTensor('enc.blk.0.attn_q.weight', [32, rows], 8, 0),
        ggufTensor('enc.output_norm.weight', [3], 0, 160),
        ggufTensor('dec.blk.0.attn_q.weight', [1], 0, 192),
        ggufTensor('token_embd.weight', [2, 3], 1, 224),
      ],
      dataBytes: 256,
    })
    const data = file.length - 256
    const view = new DataView(file.buffer)
    for (let row = 0; row < rows; row++) {
      view.setUint16(data + row * 34, f32ToF16([row + 1])[0] as number, true)
      for (let i = 0; i < 32; i++) view.setInt8(data + row * 34 + 2 + i, i - 16)
    }
    expect(q8Bytes).toBeLessThanOrEqual(160)
    ;[7, 8, 9].forEach((value, i) => view.setFloat32(data + 160 + 4 * i, value, true))
    f32ToF16([1, 2, 3, 4, 5, 6]).forEach((bits, i) => view.setUint16(data + 224 + 2 * i, bits, true))

    const reader = new TensorReader(await openGgufT5Table(never, source(new Uint8Array(file), 't5.gguf')), 200)
    expect([...reader.table.entries]).toEqual([
      ['encoder.block.0.layer.0.SelfAttention.q.weight', { dtype: 'F32', shape: [rows, 32] }],
      ['encoder.final_layer_norm.weight', { dtype: 'F32', shape: [3] }],
      ['shared.weight', { dtype: 'F16', shape: [3, 2] }],
    ])
    expect([...(await reader.floats(never, 'encoder.final_layer_norm.weight', [3]))]).toEqual([7, 8, 9])
    expect([...(await reader.rows(never, 'shared.weight', Uint32Array.of(2)))]).toEqual([5, 6])
    const q = await reader.floats(never, 'encoder.block.0.layer.0.SelfAttention.q.weight', [rows, 32])
    expect([...q]).toEqual(Array.from({ length: rows * 32 }, (_, i) => (Math.floor(i / 32) + 1) * ((i % 32) - 16)))
  })

  test('rejects another model, naming its first tensor', async () => {
    const file = ggufOf({ tensors: [ggufTensor('blk.0.attn_q.weight', [1], 0, 0)], dataBytes: 32 })
    expect(await refusal(openGgufT5Table(never, source(new Uint8Array(file), 'llama.gguf')))).toBe(
      'weights-corrupt: llama.gguf contains no T5 encoder: expected tensors such as enc.blk.0.attn_q.weight, got blk.0.attn_q.weight.',
    )
  })
})

describe('TensorWriter', () => {
  /** A file in memory. */
  function sink() {
    let file = new Uint8Array(0)
    const log: string[] = []
    return {
      log,
      bytes: () => file,
      write(bytes: Uint8Array, position: number) {
        if (position + bytes.length > file.length) {
          const longer = new Uint8Array(position + bytes.length)
          longer.set(file)
          file = longer
        }
        file.set(bytes, position)
        log.push(`write ${position}`)
      },
      flush: () => void log.push('flush'),
      close: () => void log.push('close'),
    }
  }

  test('writes a readable file, the length of the header last', async () => {
    const file = sink()
    const writer = new TensorWriter(file, 2)
    writer.begin('__proto__', 'F32', [2])
    writer.write(new Uint8Array(Float32Array.of(1).buffer))
    expect(await refusal(openTensorTable(never, source(file.bytes())))).toContain('not readable as safetensors')
    writer.write(new Uint8Array(Float32Array.of(2).buffer))
    writer.begin('b', 'I8', [3])
    writer.write(Uint8Array.of(1, 2, 3))
    expect(await refusal(openTensorTable(never, source(file.bytes())))).toContain('not readable as safetensors')
    writer.finish({ note: 'ü' })
    expect(file.log.slice(-5)).toEqual(['write 8', 'flush', 'write 0', 'flush', 'close'])
    const table = await openTensorTable(never, source(file.bytes()))
    expect(table.metadata).toEqual({ note: 'ü' })
    expect([...table.entries.keys()]).toEqual(['__proto__', 'b'])
    expect([...(await new TensorReader(table).floats(never, '__proto__', [2]))]).toEqual([1, 2])
  })

  test('rejects too many or too few bytes, a duplicate name and a header that does not fit', () => {
    const writer = new TensorWriter(sink(), 1)
    writer.begin('a', 'F32', [1])
    expect(() => writer.write(new Uint8Array(5))).toThrow('1 bytes too many')
    writer.write(new Uint8Array(3))
    expect(() => writer.begin('b', 'I8', [1])).toThrow('1 bytes are missing before b')
    expect(() => writer.finish({})).toThrow('1 bytes are missing before the end')
    writer.write(new Uint8Array(1))
    expect(() => writer.begin('a', 'I8', [1])).toThrow('a was written already')
    expect(() => writer.finish({ long: 'x'.repeat(5000) })).toThrow('expected a header of')
  })
})
