import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { elementsOf, floatsOf, openSafetensors, writeSafetensors } from '../../workers/weights/safetensors'
import { DTYPE_BYTES, type Dtype } from '../../workers/weights/safetensors-header'

/** A file from a header (as JSON or as raw text) and a number of data bytes 0, 1, 2, … */
function fileOf(header: unknown, dataBytes: number, headerLength?: bigint): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header))
  const file = new Uint8Array(8 + text.length + dataBytes)
  new DataView(file.buffer).setBigUint64(0, headerLength ?? BigInt(text.length), true)
  file.set(text, 8)
  for (let i = 0; i < dataBytes; i++) file[8 + text.length + i] = i
  return file
}

function codeOf(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'no error'
}

describe('openSafetensors', () => {
  test('reads a file of the reference writer', () => {
    // safetensors.numpy.save({'a': float32 [[1, -2]], 'b': int8 [3]}, {'format': 'pt'})
    const header = '{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},"b":{"dtype":"I8","shape":[1],"data_offsets":[8,9]}}'
    const file = fileOf(header, 9)
    const data = new DataView(file.buffer, file.length - 9)
    data.setFloat32(0, 1, true)
    data.setFloat32(4, -2, true)
    data.setInt8(8, -3)
    const opened = openSafetensors(file)
    expect(opened.metadata).toEqual({ format: 'pt' })
    expect(opened.names).toEqual(['a', 'b'])
    expect(opened.tensor('a').shape).toEqual([1, 2])
    expect([...floatsOf(opened.tensor('a'))]).toEqual([1, -2])
    expect([...elementsOf(opened.tensor('b'), 'I8')]).toEqual([-3])
  })

  test('reads names and metadata with JSON syntax in them', () => {
    const file = writeSafetensors(
      { 'a": {"b': { dtype: 'I8', shape: [1], values: Int8Array.of(1) }, b: { dtype: 'I8', shape: [1], values: Int8Array.of(2) } },
      { b: '{"b":' },
    )
    expect([...openSafetensors(file).names].sort()).toEqual(['a": {"b', 'b'])
  })

  test('gives views of the file, not copies', () => {
    const file = writeSafetensors({ x: { dtype: 'F32', shape: [2], values: Float32Array.of(1, 2) } })
    const view = elementsOf(openSafetensors(file).tensor('x'), 'F32')
    expect(view.buffer).toBe(file.buffer)
  })

  test('converts F16 and BF16 to f32, and rejects integers', () => {
    const file = writeSafetensors({
      half: { dtype: 'F16', shape: [2], values: Uint16Array.of(0x3c00, 0xc000) },
      brain: { dtype: 'BF16', shape: [2], values: Uint16Array.of(0x3f80, 0xc000) },
      whole: { dtype: 'I64', shape: [1], values: BigInt64Array.of(-5n) },
    })
    const opened = openSafetensors(file)
    expect([...floatsOf(opened.tensor('half'))]).toEqual([1, -2])
    expect([...floatsOf(opened.tensor('brain'))]).toEqual([1, -2])
    expect([...elementsOf(opened.tensor('whole'), 'I64')]).toEqual([-5n])
    expect(codeOf(() => floatsOf(opened.tensor('whole')))).toMatch('weights-corrupt: A tensor of the file: expected F32, got I64')
    expect(codeOf(() => opened.tensor('none'))).toMatch('weights-corrupt: safetensors file: expected a tensor none')
  })

  const entry = (dtype: string, shape: unknown, start: number, end: number) => ({ dtype, shape, data_offsets: [start, end] })
  test.each([
    ['no length', new Uint8Array(7), 'expected at least 8 bytes, got 7'],
    ['a header past the end', fileOf('{}', 0, 3n), 'expected a header of at most 2 bytes, got 3'],
    ['a header of 2^63 bytes', fileOf('{}', 0, 2n ** 63n), 'bytes, got 9223372036854775808'],
    ['a header that is not JSON', fileOf('{"a"', 0), 'expected a header in JSON'],
    ['a header that is a list', fileOf('[]', 0), 'expected a header that is a JSON object'],
    ['an unknown dtype', fileOf({ a: entry('F8', [1], 0, 1) }, 1), 'tensor a'],
    ['a negative size', fileOf({ a: entry('I8', [-1], 0, 1) }, 1), 'tensor a'],
    ['offsets that disagree with the shape', fileOf({ a: entry('F32', [2], 0, 4) }, 4), 'expected 8 bytes for F32 [2], got 4'],
    ['a tensor past the end', fileOf({ a: entry('I8', [9], 0, 9) }, 8), 'expected an end within the file'],
    ['a gap', fileOf({ a: entry('I8', [1], 1, 2) }, 2), 'gap or overlap'],
    ['an overlap', fileOf({ a: entry('I8', [2], 0, 2), b: entry('I8', [2], 1, 3) }, 3), 'gap or overlap'],
    ['bytes that no tensor owns', fileOf({ a: entry('I8', [1], 0, 1) }, 2), 'expected the tensors to end at byte'],
    [
      'a duplicate name',
      fileOf('{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},"\\u0061":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}', 1),
      'expected one entry for tensor a, got two',
    ],
    ['a zipped pickle', Uint8Array.of(0x50, 0x4b, 0x03, 0x04, 0, 0, 8, 8, 0, 0), 'PyTorch pickle'],
    ['a plain pickle', Uint8Array.of(0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20), 'PyTorch pickle'],
    ['metadata that are not strings', fileOf({ __metadata__: { a: 1 } }, 0), '__metadata__'],
  ])('rejects %s', (_, file, reason) => {
    const message = codeOf(() => openSafetensors(file, 'w.safetensors'))
    expect(message).toMatch(/^weights-corrupt: w\.safetensors is not readable/)
    expect(message).toContain(reason)
  })

  test('any bytes are read or rejected with weights-corrupt', () => {
    const header = fc.oneof(
      fc.json(),
      fc.string(),
      fc
        .dictionary(
          fc.string(),
          fc.record({
            dtype: fc.constantFrom(...Object.keys(DTYPE_BYTES), 'F64'),
            shape: fc.array(fc.oneof(fc.nat(4), fc.maxSafeNat(), fc.integer(), fc.double())),
            data_offsets: fc.array(fc.oneof(fc.nat(40), fc.maxSafeNat()), { minLength: 1, maxLength: 3 }),
          }),
        )
        .map((h) => JSON.stringify(h)),
    )
    fc.assert(
      fc.property(header, fc.nat(40), fc.option(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { nil: undefined }), (text, dataBytes, length) => {
        const file = fileOf(text, dataBytes, length)
        const answer = codeOf(() => openSafetensors(file).names.map((name) => openSafetensors(file).tensor(name)))
        expect(answer === 'no error' || answer.startsWith('weights-corrupt')).toBe(true)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('writeSafetensors', () => {
  test('writes files that are read back, in every dtype and size', () => {
    const tensor = fc.record({
      dtype: fc.constantFrom(...(Object.keys(DTYPE_BYTES) as Dtype[])),
      shape: fc.array(fc.nat(4), { maxLength: 4 }),
      seed: fc.nat(255),
    })
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string().filter((name) => name !== '__metadata__'),
          tensor,
        ),
        fc.dictionary(fc.string(), fc.string()),
        (specs, metadata) => {
          const tensors = Object.fromEntries(
            Object.entries(specs).map(([name, { dtype, shape, seed }]) => {
              const bytes = shape.reduce((product, n) => product * n, DTYPE_BYTES[dtype])
              return [name, { dtype, shape, values: Uint8Array.from({ length: bytes }, (_, i) => (seed + i) & 255) }]
            }),
          )
          const opened = openSafetensors(writeSafetensors(tensors, metadata))
          expect({ ...opened.metadata }).toEqual({ ...metadata })
          expect([...opened.names].sort()).toEqual(Object.keys(tensors).sort())
          for (const [name, { dtype, shape, values }] of Object.entries(tensors)) {
            const read = opened.tensor(name)
            expect(read.dtype).toBe(dtype)
            expect(read.shape).toEqual(shape)
            expect([...read.bytes]).toEqual([...values])
            // widest first keeps all of them aligned, so none is ever copied
            expect(read.bytes.byteOffset % DTYPE_BYTES[dtype]).toBe(0)
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('rejects values of another length than the shape', () => {
    expect(() => writeSafetensors({ a: { dtype: 'F32', shape: [3], values: new Float32Array(2) } })).toThrow('expected 12 bytes for F32 [3], got 8')
  })
})
