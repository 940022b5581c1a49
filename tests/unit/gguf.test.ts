// Against a file written by the Python package gguf, which has its dequantized values beside the blocks (training/fixture_gguf.py).
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { readGgufHeader, rowRange, type GgufHeader, type GgufReading } from '../../workers/weights/gguf'
import { dequantizeRows } from '../../workers/weights/gguf-blocks'
import { blobSource } from '../../workers/weights/byte-source'
import { TensorReader } from '../../workers/weights/tensor-reader'
import { openGgufT5Table } from '../../workers/models/t5/gguf-table'
import { ggufNameOfT5, t5NameOfGguf } from '../../workers/models/t5/gguf-names'
import { GGML_BLOCKS, type GgmlType } from '../../workers/weights/gguf-types'
import { array, ggufOf, key, tensor, text, u32, u64, u8, type GgufParts } from './write-gguf'

const fixture = new Uint8Array(readFileSync(new URL('./fixtures/gguf-blocks.gguf', import.meta.url)))
const header = headerOf(readGgufHeader(fixture, fixture.length, 'gguf-blocks.gguf'))
/** length of the fixture's header without padding */
const HEADER_BYTES = shortestHeader(fixture)

function headerOf(reading: GgufReading): GgufHeader {
  if (!reading.done) throw new Error(`Expected a complete header, got a request for ${reading.bytesNeeded} bytes.`)
  return reading.header
}

/** The least number of leading bytes that suffice. */
function shortestHeader(file: Uint8Array): number {
  let bytes = 0
  for (;;) {
    const reading = readGgufHeader(file.subarray(0, bytes), file.length)
    if (reading.done) return bytes
    bytes = reading.bytesNeeded
  }
}

function tensorOf(name: string, from = header) {
  const found = from.tensors.get(name)
  if (!found) throw new Error(`no tensor ${name}`)
  return found
}

function valuesOf(name: string): Float32Array<ArrayBuffer> {
  const { type, start, end } = tensorOf(name)
  return dequantizeRows(type, fixture.subarray(start, end))
}

/** The bits, so that −0 is not 0. */
function bitsOf(values: Float32Array<ArrayBuffer>): number[] {
  return [...new Uint32Array(values.buffer, values.byteOffset, values.length)]
}

/** The result, or the AppError's code and message; other errors are rethrown. */
function resultOf(run: () => GgufReading): GgufReading | string {
  try {
    return run()
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`
    throw error
  }
}

describe('readGgufHeader', () => {
  test('reads metadata, of arrays only their type and length', () => {
    expect(header.version).toBe(3)
    expect(header.architecture).toBe('t5encoder')
    expect(header.alignment).toBe(32)
    expect(Object.fromEntries(header.metadata)).toEqual({
      'general.architecture': 't5encoder',
      'test.uint8': 255,
      'test.int8': -128,
      'test.uint16': 65535,
      'test.int16': -32768,
      'test.uint32': 2 ** 32 - 1,
      'test.int32': -(2 ** 31),
      'test.float32': Math.fround(0.1),
      'test.bool': true,
      'test.string': 'Größe ▁',
      'test.uint64': 2n ** 64n - 1n,
      'test.int64': -5,
      'test.float64': 0.1,
      'test.strings': { elements: 'STRING', count: 3 },
      'test.floats': { elements: 'FLOAT32', count: 2 },
      'test.bools': { elements: 'BOOL', count: 3 },
    })
  })

  test('reads shapes in the order of PyTorch, and byte ranges', () => {
    expect(tensorOf('F32')).toEqual({ type: 'F32', shape: [2, 3, 5], start: 1216, end: 1336 })
    expect([...valuesOf('F32')]).toEqual(Array.from({ length: 30 }, (_, i) => i / 2))
    expect(tensorOf('Q8_0')).toMatchObject({ type: 'Q8_0', shape: [3, 96] })
    expect(tensorOf('Q6_K')).toMatchObject({ type: 'Q6_K', shape: [3, 512] })
    expect(tensorOf('Q6_K').end - tensorOf('Q6_K').start).toBe(3 * 2 * 210)
    expect(header.tensors.size).toBe(13)
  })

  test('reads version 2, another alignment, an odd byteOffset and files without tensors', () => {
    const alignment = key('general.alignment', 4, u32(64))
    const file = ggufOf({ version: 2, keys: [alignment], tensors: [tensor('a', [3], 0, 0), tensor('b', [256, 2], 12, 64)], dataBytes: 500 })
    const moved = new Uint8Array(file.length + 1)
    moved.set(file, 1)
    const read = headerOf(readGgufHeader(moved.subarray(1), file.length))
    expect(read).toMatchObject({ version: 2, alignment: 64, architecture: undefined })
    expect(tensorOf('a', read)).toEqual({ type: 'F32', shape: [3], start: 192, end: 204 })
    expect(tensorOf('b', read)).toEqual({ type: 'Q4_K', shape: [2, 256], start: 256, end: 544 })
    expect(headerOf(readGgufHeader(ggufOf({}), 32)).tensors.size).toBe(0)
  })

  test('cut off at any byte, it requests more bytes, but never more than the header has', () => {
    for (let cut = 0; cut < HEADER_BYTES; cut++) {
      const reading = readGgufHeader(fixture.slice(0, cut), fixture.length)
      if (reading.done) throw new Error(`a header of ${HEADER_BYTES} bytes was read from ${cut}`)
      expect(reading.bytesNeeded).toBeGreaterThan(cut)
      expect(reading.bytesNeeded).toBeLessThanOrEqual(HEADER_BYTES)
    }
    // padding and data are not needed
    expect(readGgufHeader(fixture.slice(0, HEADER_BYTES), fixture.length)).toEqual({ done: true, header })
  })

  test('requests a long vocabulary at once', () => {
    const words = 30_000
    const file = ggufOf({ keys: [array('tokens', 8, words, Array.from({ length: words }, () => text('word')).flat())] })
    const reading = readGgufHeader(file.subarray(0, 100), file.length)
    expect(reading).toMatchObject({ done: false })
    expect(reading.done ? 0 : reading.bytesNeeded).toBeGreaterThan(words * 8)
    expect(headerOf(readGgufHeader(file, file.length)).metadata.get('tokens')).toEqual({ elements: 'STRING', count: words })
  })

  const one = tensor('a', [8], 0, 0)
  test.each<[string, GgufParts, string]>([
    ['another kind of file', { magic: 'PK\x03\x04' }, 'the first 4 bytes: expected 47 47 55 46 ("GGUF"), got 50 4b 03 04'],
    ['version 0', { version: 0 }, 'the version: expected 2 or 3, got 0'],
    ['version 1', { version: 1 }, 'the version: expected 2 or 3, got 1; convert'],
    ['version 4', { version: 4 }, 'the version: expected 2 or 3, got 4'],
    ['big-endian', { version: 0x03000000 }, 'the byte order: expected little-endian, got big-endian'],
    [
      'a number of tensors past 2^53',
      { tensorCount: 2n ** 64n - 1n },
      'the number of tensors: expected a number that fits in a file of 32 bytes, got 18446744073709551615',
    ],
    ['too many tensors', { tensorCount: 65_537 }, 'the number of tensors: expected at most 65536, got 65537'],
    ['too many keys', { keyCount: 2 ** 40 }, 'the number of keys: expected at most 65536, got 1099511627776'],
    [
      'more keys than the file has room for',
      { keyCount: 60_000 },
      "the length of key 0: expected a header that ends within the file's 32 bytes, got one of at least 840018",
    ],
    ['more tensors than the file has room for', { tensorCount: 60_000 }, 'the length of the name of tensor 0: expected a header that ends within'],
    ['a key longer than the format allows', { keys: [[...u64(70_000)]] }, 'the length of key 0: expected at most 65535 bytes, got 70000'],
    ['a key past the end', { keys: [[...u64(60_000)]] }, 'key 0: expected a header that ends within'],
    ['a key without a name', { keys: [key('', 0, u8(1))] }, 'key 0: expected a name, got none'],
    ['a key that is not UTF-8', { keys: [[...u64(1), 255, ...u32(0), 1]] }, 'key 0: expected UTF-8'],
    ['a duplicate key', { keys: [key('k', 0, u8(1)), key('k', 0, u8(1))] }, 'the key k: expected one entry, got two'],
    ['an unknown type of value', { keys: [key('k', 13, u8(1))] }, 'the type of k: expected a number from 0 to 12, got 13'],
    ['a BOOL of 2', { keys: [key('k', 7, u8(2))] }, 'k: expected a BOOL of 0 or 1, got 2'],
    [
      'a string of 2^62 bytes',
      { keys: [key('k', 8, u64(2n ** 62n))] },
      'the length of k: expected a number that fits in a file of 64 bytes, got 4611686018427387904',
    ],
    ['a string past the end', { keys: [key('k', 8, u64(1000))] }, 'k: expected a header that ends within'],
    ['a string that is not UTF-8', { keys: [key('k', 8, [...u64(2), 0xc3, 0x28])] }, 'k: expected UTF-8'],
    ['an array of arrays', { keys: [array('k', 9, 1)] }, "the type of k's elements: expected a string or a number, got an array"],
    ['an array of an unknown type', { keys: [array('k', 99, 1)] }, "the type of k's elements: expected a string or a number, got 99"],
    ['an array of 2^52 doubles', { keys: [array('k', 12, 2n ** 52n)] }, "k: expected a header that ends within the file's"],
    ['an array of 2^52 strings', { keys: [array('k', 8, 2n ** 52n)] }, "k: expected a header that ends within the file's"],
    ['a string in an array past the end', { keys: [array('k', 8, 1, u64(2 ** 40))] }, 'an element of k: expected a header that ends within'],
    ['an alignment of another type', { keys: [key('general.alignment', 10, u64(32))] }, 'general.alignment: expected a UINT32, got UINT64'],
    ['an alignment of 0', { keys: [key('general.alignment', 4, u32(0))] }, 'general.alignment: expected a power of two, 8 or more, got 0'],
    ['an alignment of 24', { keys: [key('general.alignment', 4, u32(24))] }, 'general.alignment: expected a power of two, 8 or more, got 24'],
    ['an alignment of 2^31', { keys: [key('general.alignment', 4, u32(2 ** 31))], tensors: [one], dataBytes: 32 }, 'an end at byte 2147483680'],
    ['an architecture that is not a string', { keys: [key('general.architecture', 4, u32(5))] }, 'general.architecture: expected a STRING, got UINT32'],
    ['a tensor without a name', { tensors: [tensor('', [1, 1], 0, 0)], dataBytes: 32 }, 'the name of tensor 0: expected a name, got none'],
    ['a long name', { tensors: [tensor('x'.repeat(128), [1], 0, 0)] }, 'the length of the name of tensor 0: expected at most 127 bytes, got 128'],
    ['a duplicate name', { tensors: [one, tensor('a', [8], 0, 32)], dataBytes: 64 }, 'tensor a: expected one entry, got two'],
    ['no dims', { tensors: [[...tensor('a', [], 0, 0), ...u64(0)]] }, 'the number of dims of tensor a: expected 1 to 4, got 0'],
    ['five dims', { tensors: [tensor('a', [1, 1, 1, 1, 1], 0, 0)] }, 'the number of dims of tensor a: expected 1 to 4, got 5'],
    ['2^32 − 1 dims', { tensors: [tensor('a', [1], 0, 0, 2 ** 32 - 1)] }, 'the number of dims of tensor a: expected 1 to 4, got 4294967295'],
    ['a dim of 0', { tensors: [tensor('a', [4, 0], 0, 0)] }, 'dim 1 of tensor a: expected at least 1, got 0'],
    ['a dim of 2^63', { tensors: [tensor('a', [2n ** 63n], 0, 0)] }, 'dim 0 of tensor a: expected a number that fits in a file of'],
    [
      'dims whose product overflows',
      { tensors: [tensor('a', [2 ** 32, 2 ** 32], 0, 0)] },
      'tensor a: expected fewer than 2^53 values, got [4294967296, 4294967296]',
    ],
    [
      'a row of part of a block',
      { tensors: [tensor('a', [128, 2], 12, 0)], dataBytes: 144 },
      "a row of tensor a: expected a multiple of Q4_K's 256 values, got 128",
    ],
    ['an offset of 2^60', { tensors: [tensor('a', [8], 0, 2n ** 60n)], dataBytes: 32 }, 'the offset of tensor a: expected a number that fits in a file of'],
    [
      'an offset past the end',
      { tensors: [tensor('a', [8], 0, 32)], dataBytes: 32 },
      "tensor a: expected to end within the file's 96 bytes, got an end at byte 128",
    ],
    ['a misaligned offset', { tensors: [tensor('a', [8], 0, 8)], dataBytes: 64 }, 'the offset of tensor a: expected a multiple of 32, got 8'],
    ['a tensor longer than the file', { tensors: [tensor('a', [2 ** 50], 0, 0)], dataBytes: 32 }, "tensor a: expected to end within the file's 96 bytes"],
    [
      'an overlap',
      { tensors: [tensor('b', [8], 0, 32), tensor('a', [9], 0, 0)], dataBytes: 64 },
      'tensor b: expected to start at byte 132 or later, where tensor a ends, got byte 128',
    ],
    [
      'two tensors at one offset',
      { tensors: [one, tensor('b', [8], 0, 0)], dataBytes: 64 },
      'tensor b: expected to start at byte 128 or later, where tensor a ends, got byte 96',
    ],
  ])('rejects %s', (_, parts, reason) => {
    const file = ggufOf(parts)
    const result = resultOf(() => readGgufHeader(file, file.length, 'w.gguf'))
    expect(result).toMatch(/^weights-corrupt: w\.gguf is not readable as GGUF: .*\.$/)
    expect(result).toContain(reason)
  })

  test.each([
    [2, 'Q4_0'],
    [3, 'Q4_1'],
    [4, 'Q4_2'],
    [6, 'Q5_0'],
    [9, 'Q8_1'],
    [10, 'Q2_K'],
    [11, 'Q3_K'],
    [15, 'Q8_K'],
    [17, 'IQ2_XS'],
    [20, 'IQ4_NL'],
    [24, 'I8'],
    [28, 'F64'],
    [31, 'Q4_0_4_4'],
    [39, 'MXFP4'],
    [99, 'type 99'],
    [2 ** 32 - 1, 'type 4294967295'],
  ])('sets aside a tensor of type number %d: %s', async (type, name) => {
    const file = ggufOf({ tensors: [tensor('enc.blk.0.attn_q.weight', [256], type, 0), tensor('token_embd.weight', [8, 1], 0, 0)], dataBytes: 1024 })
    const { tensors, unreadable } = headerOf(readGgufHeader(file, file.length))
    expect([...tensors.keys()]).toEqual(['token_embd.weight'])
    expect([...unreadable]).toEqual([['enc.blk.0.attn_q.weight', { type: name, shape: [256] }]])
    const reader = new TensorReader(await openGgufT5Table(new AbortController().signal, blobSource('t5.gguf', new Blob([new Uint8Array(file)]))))
    expect(() => reader.entry('encoder.block.0.layer.0.SelfAttention.q.weight')).toThrow(
      `t5.gguf: the tensor encoder.block.0.layer.0.SelfAttention.q.weight is stored as ${name}, which Kinora cannot read: use the same model in 16-bit floats.`,
    )
  })

  test('rejects false lengths even in a huge file', () => {
    const falseKeys = [array('k', 0, 2 ** 40), array('k', 8, 2 ** 40), key('k', 8, u64(2 ** 40)), array('k', 8, 1, u64(2 ** 40))]
    for (const falseKey of falseKeys) {
      const result = resultOf(() => readGgufHeader(ggufOf({ keys: [falseKey] }), 2 ** 45, 'w.gguf'))
      expect(result).toContain('k: expected ')
      expect(result).toContain('at most 67108864 bytes')
    }
    expect(() => readGgufHeader(fixture, NaN)).toThrow(RangeError)
  })

  test('with any damage, the result is a consistent header, a request for more bytes or weights-corrupt, in bounded time', () => {
    const boundary = fc.constantFrom(
      0n,
      1n,
      2n,
      8n,
      9n,
      31n,
      255n,
      65_536n,
      2n ** 31n,
      2n ** 32n - 1n,
      2n ** 32n,
      2n ** 53n - 1n,
      2n ** 53n,
      2n ** 63n,
      2n ** 64n - 1n,
    )
    const at = fc.nat(HEADER_BYTES - 8)
    const damage = fc.oneof(
      fc.record({ at, bytes: fc.uint8Array({ minLength: 1, maxLength: 8 }) }),
      fc.record({ at, bytes: boundary.map((value) => Uint8Array.from(u64(value))) }),
      fc.record({ at, bytes: boundary.map((value) => Uint8Array.from(u64(value).slice(0, 4))) }),
    )
    const fileBytes = fc.oneof(fc.constant(fixture.length), fc.nat(fixture.length), fc.maxSafeNat())
    const counts = { done: 0, more: 0, refused: 0 }
    const began = performance.now()
    fc.assert(
      fc.property(fc.array(damage, { maxLength: 4 }), fc.nat(fixture.length), fc.boolean(), fileBytes, (damages, cut, whole, length) => {
        const bytes = fixture.slice(0, whole ? fixture.length : cut)
        for (const { at: from, bytes: patch } of damages) if (from + patch.length <= bytes.length) bytes.set(patch, from)
        const reading = resultOf(() => readGgufHeader(bytes, length))
        if (typeof reading === 'string') {
          expect(reading).toMatch(/^weights-corrupt: GGUF file is not readable as GGUF: /)
          counts.refused++
        } else if (reading.done) {
          let before = 0
          for (const { type, shape, start, end } of [...reading.header.tensors.values()].sort((a, b) => a.start - b.start)) {
            expect(start % reading.header.alignment).toBe(0)
            expect(start).toBeGreaterThanOrEqual(before)
            expect(end).toBeLessThanOrEqual(length)
            expect(((end - start) / GGML_BLOCKS[type].bytes) * GGML_BLOCKS[type].values).toBe(shape.reduce((product, size) => product * size, 1))
            before = end
          }
          counts.done++
        } else {
          expect(reading.bytesNeeded).toBeGreaterThan(Math.min(bytes.length, length))
          expect(reading.bytesNeeded).toBeLessThanOrEqual(Math.min(length, 2 ** 26))
          counts.more++
        }
      }),
      { numRuns: 4000 },
    )
    // a few milliseconds each at most, on a busy machine
    expect(performance.now() - began).toBeLessThan(15_000)
    // all three outcomes occur
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(50)
  })
})

describe('dequantizeRows', () => {
  test.each<GgmlType>(['F16', 'BF16', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K'])('%s is dequantized bit for bit as by the Python package', (type) => {
    const values = valuesOf(type)
    expect(values.length).toBe(tensorOf(type).shape.reduce((product, size) => product * size, 1))
    expect(bitsOf(values)).toEqual(bitsOf(valuesOf(`${type}.expected`)))
    // not a fixture of zeros
    expect(new Set(values).size).toBeGreaterThan(10)
  })

  test.each<GgmlType>(['F32', 'F16', 'BF16', 'Q8_0', 'Q4_K', 'Q5_K', 'Q6_K'])('%s: single rows, from unaligned bytes, into a part of an array', (type) => {
    const { start, end } = rowRange(tensorOf(type), 1, 1)
    const width = tensorOf(type).shape.at(-1) ?? 0
    const unaligned = new Uint8Array(end - start + 1)
    unaligned.set(fixture.subarray(start, end), 1)
    const all = new Float32Array(width + 2).fill(7)
    dequantizeRows(type, unaligned.subarray(1), all.subarray(1, width + 1))
    expect(bitsOf(all.subarray(1, width + 1))).toEqual(bitsOf(valuesOf(type).subarray(width, 2 * width)))
    expect([all[0], all[width + 1]]).toEqual([7, 7])
  })

  test('rejects partial blocks, outputs of another length and rows outside the tensor', () => {
    expect(() => dequantizeRows('Q4_K', new Uint8Array(145))).toThrow('Q4_K: expected whole blocks of 144 bytes, got 145 bytes')
    expect(() => dequantizeRows('Q8_0', new Uint8Array(34), new Float32Array(31))).toThrow('Q8_0: expected an output of 32 values, got 31')
    expect(dequantizeRows('Q6_K', new Uint8Array(0)).length).toBe(0)
    expect(rowRange(tensorOf('Q4_K'), 3, 0)).toEqual({ start: tensorOf('Q4_K').end, end: tensorOf('Q4_K').end })
    expect(() => rowRange(tensorOf('Q4_K'), 2, 2)).toThrow("Expected rows within the tensor's 3, got 2 to 4.")
    expect(() => rowRange(tensorOf('Q4_K'), -1, 1)).toThrow(RangeError)
    expect(() => rowRange(tensorOf('Q4_K'), 0.5, 1)).toThrow(RangeError)
  })
})

describe('tensor names of a T5 encoder', () => {
  test.each([
    ['token_embd.weight', 'shared.weight'],
    ['enc.output_norm.weight', 'encoder.final_layer_norm.weight'],
    ['enc.blk.0.attn_norm.weight', 'encoder.block.0.layer.0.layer_norm.weight'],
    ['enc.blk.0.attn_q.weight', 'encoder.block.0.layer.0.SelfAttention.q.weight'],
    ['enc.blk.3.attn_k.weight', 'encoder.block.3.layer.0.SelfAttention.k.weight'],
    ['enc.blk.10.attn_v.weight', 'encoder.block.10.layer.0.SelfAttention.v.weight'],
    ['enc.blk.23.attn_o.weight', 'encoder.block.23.layer.0.SelfAttention.o.weight'],
    ['enc.blk.0.attn_rel_b.weight', 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight'],
    ['enc.blk.1.ffn_norm.weight', 'encoder.block.1.layer.1.layer_norm.weight'],
    ['enc.blk.1.ffn_gate.weight', 'encoder.block.1.layer.1.DenseReluDense.wi_0.weight'],
    ['enc.blk.1.ffn_up.weight', 'encoder.block.1.layer.1.DenseReluDense.wi_1.weight'],
    ['enc.blk.1.ffn_down.weight', 'encoder.block.1.layer.1.DenseReluDense.wo.weight'],
  ])('%s is %s', (ggufName, name) => {
    expect(t5NameOfGguf(ggufName)).toBe(name)
    expect(ggufNameOfT5(name)).toBe(ggufName)
  })

  test('the embedding table has two names, tensors outside the encoder have none', () => {
    expect(ggufNameOfT5('encoder.embed_tokens.weight')).toBe('token_embd.weight')
    for (const ggufName of [
      'dec.blk.0.attn_q.weight',
      'enc.blk.00.attn_q.weight',
      'enc.blk.0.attn_q.bias',
      'enc.blk.0.constructor.weight',
      'enc.blk.0.weight',
      'output.weight',
      '',
    ]) {
      expect(t5NameOfGguf(ggufName)).toBeUndefined()
    }
    for (const name of ['decoder.block.0.layer.0.SelfAttention.q.weight', 'encoder.block.0.layer.1.DenseReluDense.wi.weight', 'lm_head.weight', '']) {
      expect(ggufNameOfT5(name)).toBeUndefined()
    }
  })
})
