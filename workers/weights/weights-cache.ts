// Quantized weights kept for the next start: our own safetensors file, whose matrices lie in it as they lie on the GPU.
//
// Of a linear layer `name`: `name.data` in panels (I8, or U8 for int4, F16, F32), `name.scale` (F32 for int8, F16 for int4), `name.bias`
// (F32, padded to whole panels). Vectors and tables under their own names, F32. A table of embeddings as its file has it.
import { AppError } from '../../src/shared/errors'
import type { Gpu } from '../engine/device'
import type { Scope } from '../engine/scope'
import { tensorBytes, type Tensor } from '../engine/tensor'
import type { LinearWeight, WeightFormat } from '../ops/linear'
import { PANEL } from '../ops/linear-weight'
import { linearShapes } from '../ops/quantize'
import type { LoadedWeights, OnLoaded, WeightRequest, WeightStream } from '../ops/weight-stream'
import type { Dtype } from './safetensors-header'
import { TensorReader } from './tensor-reader'
import type { TensorTable } from './tensor-table'
import type { TensorWriter } from './tensor-writer'

type LinearRequest = Extract<WeightRequest, { kind: 'linear' }>

/** Changes with the layout of panels or of this file: older files are then made anew. */
const LAYOUT = 'kinora panels 1'
/** Read back from the GPU at once. */
const READ_BACK_BYTES = 16 * 2 ** 20

/** The browser keeps a copy of what is written until the GPU has it: the file is not to wait there as a whole. */
const MAX_ON_THE_WAY = 32 * 2 ** 20

/** What the words of each format are to a safetensors file, and how many of them make 4 bytes. */
const DATA_DTYPES: Record<WeightFormat, Dtype> = { f32: 'F32', f16: 'F16', i8: 'I8', i4: 'U8' }
const SCALE_DTYPES = { i8: 'F32', i4: 'F16' } as const

/** What a cache was made of, as text that differs when anything that matters does. */
export interface CacheIdentity {
  /** the source: its name, length, version or hash */
  source: string
  /** of the model's matrices */
  format: WeightFormat
}

/** The name of a cache's file. */
export async function cacheFileName({ source, format }: CacheIdentity): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(JSON.stringify([LAYOUT, source, format]))))
  return `${[...digest.subarray(0, 16)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}.safetensors`
}

/**
 * The weights of a cache, or undefined when it is another's or of an older layout.
 * @param table the opened file; opening one that was not finished fails
 */
export function openCache(table: TensorTable, identity: CacheIdentity): CachedWeights | undefined {
  const { layout, source, format } = table.metadata
  if (layout !== LAYOUT || source !== identity.source || format !== identity.format) return undefined
  return new CachedWeights(new TensorReader(table))
}

/** Weights that need no work: their bytes go to the GPU as they are. */
export class CachedWeights implements WeightStream {
  /** bytes written since the GPU was last waited for */
  private onTheWay = 0

  constructor(readonly reader: TensorReader) {}

  /** A layer's matrix and bias have their names in the model's own file. */
  has(name: string): boolean {
    return this.reader.has(name) || this.reader.has(ownName(name))
  }

  /** What was int8 in the source is int8 here; so may be what was not, but only in the format that was asked for. */
  isInt8(name: string): boolean {
    return this.reader.has(ownName(name)) && this.reader.table.metadata['stored_int8']?.split(' ').includes(name) === true
  }

  async read(signal: AbortSignal, scope: Scope, requests: readonly WeightRequest[], onLoaded?: OnLoaded): Promise<LoadedWeights> {
    const loaded: LoadedWeights = { linear: new Map(), floats: new Map() }
    for (const request of this.reader.inOrder(requests, ({ kind, name }) => (kind === 'linear' ? `${name}.data` : name))) {
      const weight = request.kind === 'linear' ? await this.readLinear(signal, scope, request) : await this.readTensor(signal, scope, request.name, request.shape, 'f32', 'F32', request.shape)
      if ('format' in weight) loaded.linear.set(request.name, weight)
      else loaded.floats.set(request.name, weight)
      await onLoaded?.(request, weight)
    }
    return loaded
  }

  floats(signal: AbortSignal, name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    return this.reader.floats(signal, name, shape)
  }

  rows(signal: AbortSignal, name: string, ids: Uint32Array): Promise<Float32Array<ArrayBuffer>> {
    return this.reader.rows(signal, name, ids)
  }

  private async readLinear(signal: AbortSignal, scope: Scope, { name, out, in: inner, format }: LinearRequest): Promise<LinearWeight> {
    const { data, scale } = linearShapes(out, inner, format)
    const read = (part: string, { shape, dtype }: Pick<Tensor, 'shape' | 'dtype'>, stored: Dtype) =>
      this.readTensor(signal, scope, `${name}.${part}`, shape, dtype, stored, storedShape(shape, dtype, stored))
    return {
      format,
      out,
      in: inner,
      data: await read('data', data, DATA_DTYPES[format]),
      ...(scale && { scale: await read('scale', scale, SCALE_DTYPES[format as keyof typeof SCALE_DTYPES]) }),
      ...(this.reader.has(`${name}.bias`) && { bias: await read('bias', { shape: [Math.ceil(out / PANEL), PANEL], dtype: 'f32' }, 'F32') }),
    }
  }

  private async readTensor(
    signal: AbortSignal, scope: Scope, name: string, shape: readonly number[], dtype: Tensor['dtype'], stored: Dtype, rows: readonly number[],
  ): Promise<Tensor> {
    const entry = this.reader.entry(name)
    if (entry.dtype !== stored || entry.shape.join() !== rows.join()) {
      throw this.reader.misfit(name, `${stored} [${rows.join(', ')}]`, `${entry.dtype} [${entry.shape.join(', ')}]`)
    }
    const tensor = scope.alloc(shape, dtype)
    let at = 0
    for await (const { bytes } of this.reader.pieces(signal, name)) {
      scope.write(tensor, at, bytes)
      at += bytes.length
      this.onTheWay += bytes.length
      if (this.onTheWay < MAX_ON_THE_WAY) continue
      await scope.gpu.settle()
      this.onTheWay = 0
    }
    return tensor
  }
}

/** Passes another stream's weights on, and writes them into a cache. A full disk is no failure: it then writes no more, and says why. */
export class CacheRecorder implements WeightStream {
  /** why there will be no cache */
  failure: unknown
  private readonly storedInt8 = new Set<string>()

  constructor(
    private readonly source: WeightStream,
    private readonly writer: TensorWriter,
    private readonly identity: CacheIdentity,
  ) {}

  has(name: string): boolean {
    return this.source.has(name)
  }

  isInt8(name: string): boolean {
    const stored = this.source.isInt8(name)
    if (stored) this.storedInt8.add(name)
    return stored
  }

  read(signal: AbortSignal, scope: Scope, requests: readonly WeightRequest[], onLoaded?: OnLoaded): Promise<LoadedWeights> {
    return this.source.read(signal, scope, requests, async (request, weight) => {
      await this.record(signal, async () => {
        if (request.kind === 'floats') await this.write(signal, scope.gpu, request.name, weight as Tensor, 'F32')
        else await this.writeLinear(signal, scope.gpu, request, weight as LinearWeight)
      })
      await onLoaded?.(request, weight)
    })
  }

  async floats(signal: AbortSignal, name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    const values = await this.source.floats(signal, name, shape)
    await this.record(signal, () => {
      if (this.writer.has(name)) return
      this.writer.begin(name, 'F32', shape)
      this.writer.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    })
    return values
  }

  rows(signal: AbortSignal, name: string, ids: Uint32Array): Promise<Float32Array<ArrayBuffer>> {
    return this.source.rows(signal, name, ids)
  }

  /** Copies a table of embeddings, of which `rows` are read later. */
  async copyTable(signal: AbortSignal, reader: TensorReader, name: string): Promise<void> {
    await this.record(signal, async () => {
      const { dtype, shape } = reader.entry(name)
      this.writer.begin(name, dtype, shape)
      for await (const { bytes } of reader.pieces(signal, name)) this.writer.write(bytes)
    })
  }

  /** Closes the file. @returns whether there is a cache now; if not, `failure` is why */
  finish(): boolean {
    if (this.failure === undefined) {
      try {
        const { source, format } = this.identity
        this.writer.finish({ layout: LAYOUT, source, format, stored_int8: [...this.storedInt8].join(' ') })
        return true
      } catch (error) {
        this.failure = error
      }
    }
    this.writer.abandon()
    return false
  }

  /** Gives the cache up. */
  abandon(): void {
    this.writer.abandon()
  }

  private async writeLinear(signal: AbortSignal, gpu: Gpu, { name, format }: LinearRequest, { data, scale, bias }: LinearWeight): Promise<void> {
    await this.write(signal, gpu, `${name}.data`, data, DATA_DTYPES[format])
    if (scale) await this.write(signal, gpu, `${name}.scale`, scale, SCALE_DTYPES[format as keyof typeof SCALE_DTYPES])
    if (bias) await this.write(signal, gpu, `${name}.bias`, bias, 'F32')
  }

  private async write(signal: AbortSignal, gpu: Gpu, name: string, tensor: Tensor, dtype: Dtype): Promise<void> {
    if (this.writer.has(name)) return
    this.writer.begin(name, dtype, storedShape(tensor.shape, tensor.dtype, dtype))
    const bytes = tensorBytes(tensor.shape, tensor.dtype)
    for (let at = 0; at < bytes; at += READ_BACK_BYTES) {
      signal.throwIfAborted()
      this.writer.write(new Uint8Array(await gpu.readBytes(tensor, at, Math.min(at + READ_BACK_BYTES, bytes))))
    }
  }

  /** What the disk refuses ends the cache, and nothing else. */
  private async record(signal: AbortSignal, write: () => Promise<void> | void): Promise<void> {
    if (this.failure !== undefined) return
    try {
      await write()
    } catch (error) {
      if (signal.aborted || error instanceof AppError) throw error // of the GPU or the source
      this.failure = error
    }
  }
}

/** `name` as a model's file has it: `x.weight`, `x.bias`. */
function ownName(name: string): string {
  return name.replace(/\.weight$/, '.data')
}

/** A GPU tensor's shape in elements of what a file calls them: words of packed values become those. */
function storedShape(shape: readonly number[], dtype: Tensor['dtype'], stored: Dtype): readonly number[] {
  const last = shape.at(-1) ?? 1
  if (dtype === 'i4') return [...shape.slice(0, -1), last / 2] // two to a byte
  return dtype === 'u32' && stored === 'F16' ? [...shape.slice(0, -1), last * 2] : shape
}
