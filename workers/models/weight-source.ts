// Where a model's weights come from, by name. Models know no files: whatever holds tensors by name will do.
import { AppError } from '../../src/shared/errors'
import { bf16ToF32, f16ToF32, f8E4M3ToF32 } from '../engine/half-floats'
import { elementCount } from '../engine/tensor'

/** A tensor's values as f32. */
export interface FloatWeight {
  shape: readonly number[]
  values: Float32Array
}

/** A matrix stored as int8 with a scale for each row: w ≈ q·scale[row]. */
export interface QuantizedWeight {
  /** [out, in] */
  shape: readonly [number, number]
  q: Int8Array
  /** [out] */
  scale: Float32Array
}

/** Weights by name. */
export interface WeightSource {
  has(name: string): boolean
  /** @throws AppError weights-corrupt when it is missing or of a dtype that holds no weights */
  get(name: string): FloatWeight
  /** the stored int8 form, if that is how `name` is stored: I8, beside `<name>_scale` */
  getQuantized(name: string): QuantizedWeight | undefined
}

/** A file of named tensors, as an opened safetensors file is. */
export interface TensorFile {
  has(name: string): boolean
  /** row-major little-endian bytes, perhaps unaligned; throws when there is no such tensor */
  tensor(name: string): { dtype: string; shape: readonly number[]; bytes: Uint8Array<ArrayBuffer> }
}

/** The weights of a file: F32, F16, BF16 and F8_E4M3 as floats, I8 with its scale as stored or multiplied out. */
export function weightSource(file: TensorFile): WeightSource {
  const source: WeightSource = {
    has: (name) => file.has(name),
    get(name) {
      const quantized = source.getQuantized(name)
      if (quantized) return { shape: quantized.shape, values: multipliedOut(quantized) }
      const { dtype, shape, bytes } = file.tensor(name)
      return { shape, values: toFloats(name, dtype, bytes) }
    },
    getQuantized(name) {
      const scaleName = `${name}_scale`
      if (!file.has(name) || !file.has(scaleName)) return undefined
      const { dtype, shape, bytes } = file.tensor(name)
      if (dtype !== 'I8') return undefined
      const scale = source.get(scaleName).values
      if (scale.length !== shape[0]) throw wrong(name, `${shape[0]} scales, one for each row`, `${scale.length}`)
      const q = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length)
      return { shape: [scale.length, elementCount(shape.slice(1))], q, scale }
    },
  }
  return source
}

/** The same weights under other names. */
export function renamed(weights: WeightSource, storedName: (name: string) => string): WeightSource {
  return {
    has: (name) => weights.has(storedName(name)),
    get: (name) => weights.get(storedName(name)),
    getQuantized: (name) => weights.getQuantized(storedName(name)),
  }
}

/** A weight's values, after checking its shape. @throws AppError weights-corrupt */
export function getShaped(weights: WeightSource, name: string, shape: readonly number[]): Float32Array {
  const weight = weights.get(name)
  if (weight.shape.join() !== shape.join()) throw wrong(name, `shape [${shape.join(', ')}]`, `[${weight.shape.join(', ')}]`)
  return weight.values
}

function wrong(name: string, expected: string, got: string): AppError {
  return new AppError('weights-corrupt', `The weight ${name} does not fit: expected ${expected}, got ${got}.`, { tensor: name, expected, found: got })
}

function multipliedOut({ shape: [rows, columns], q, scale }: QuantizedWeight): Float32Array {
  const values = new Float32Array(rows * columns)
  for (let i = 0; i < values.length; i++) values[i] = (q[i] as number) * (scale[Math.floor(i / columns)] as number)
  return values
}

function toFloats(name: string, dtype: string, bytes: Uint8Array<ArrayBuffer>): Float32Array {
  if (dtype === 'F8_E4M3') return f8E4M3ToF32(bytes)
  if (!['F32', 'F16', 'BF16'].includes(dtype)) throw wrong(name, 'F32, F16, BF16, F8_E4M3, or I8 with its scale', dtype)
  const width = dtype === 'F32' ? 4 : 2
  const { buffer, byteOffset, length } = bytes.byteOffset % width === 0 ? bytes : bytes.slice()
  if (dtype === 'F32') return new Float32Array(buffer, byteOffset, length / 4)
  const bits = new Uint16Array(buffer, byteOffset, length / 2)
  return dtype === 'F16' ? f16ToF32(bits) : bf16ToF32(bits)
}
