// The tensors of a T5 encoder in a GGUF file, under transformers' names. Quantized tensors are dequantized as they are read.
import { AppError } from '../../../src/shared/errors'
import type { ByteSource } from '../../weights/byte-source'
import { rowRange, type GgufHeader, type GgufTensor } from '../../weights/gguf'
import { dequantizeRows } from '../../weights/gguf-blocks'
import { openGgufHeader } from '../open-gguf'
import { t5NameOfGguf } from './gguf-names'
import type { TableEntry, TensorTable } from '../../weights/tensor-table'

/**
 * Opens a GGUF file of a T5 encoder.
 * @param opened its header, if that was read already
 * @throws AppError weights-corrupt when it is not one
 */
export async function openGgufT5Table(signal: AbortSignal, source: ByteSource, opened?: GgufHeader): Promise<TensorTable> {
  const header = opened ?? (await openGgufHeader(signal, source))
  const { tensors } = header
  const placements = new Map<string, GgufTensor>()
  for (const [ggufName, tensor] of [...tensors].sort((a, b) => a[1].start - b[1].start)) {
    const name = t5NameOfGguf(ggufName)
    if (name !== undefined) placements.set(name, tensor)
  }
  const unreadable = new Map([...header.unreadable].map(([ggufName, { type }]) => [t5NameOfGguf(ggufName) ?? ggufName, type]))
  if (placements.size === 0) {
    const found = [...tensors.keys(), ...header.unreadable.keys()][0] ?? 'no tensors'
    throw new AppError('weights-corrupt', `${source.name} contains no T5 encoder: expected tensors such as enc.blk.0.attn_q.weight, got ${found}.`, {
      file: source.name,
      found,
    })
  }
  return {
    name: source.name,
    metadata: {},
    unreadable,
    entries: new Map([...placements].map(([name, { type, shape }]): [string, TableEntry] => [name, { dtype: isPlain(type) ? type : 'F32', shape }])),
    async rows(signal, name, first, count) {
      const tensor = placements.get(name)
      if (!tensor) throw new RangeError(`${source.name} has no tensor ${name}.`)
      const { start, end } = tensor.shape.length > 1 ? rowRange(tensor, first, count) : elementRange(tensor, first, count)
      const bytes = await source.read(signal, start, end)
      return isPlain(tensor.type) ? bytes : new Uint8Array(dequantizeRows(tensor.type, bytes).buffer)
    },
  }
}

/** Whether a type is also a safetensors dtype. */
function isPlain(type: string): type is 'F32' | 'F16' | 'BF16' {
  return type === 'F32' || type === 'F16' || type === 'BF16'
}

/** The byte range of a vector's elements. A vector is one row in GGUF, but its elements are rows in a TensorTable. llama.cpp's T5 has F32 vectors. */
function elementRange(tensor: GgufTensor, first: number, count: number): { start: number; end: number } {
  const bytes = (tensor.end - tensor.start) / (tensor.shape[0] ?? 1)
  if (!isPlain(tensor.type))
    throw new AppError('weights-corrupt', `A vector of the text encoder: expected F32, F16 or BF16, got ${tensor.type}.`, { found: tensor.type })
  return { start: tensor.start + first * bytes, end: tensor.start + (first + count) * bytes }
}
