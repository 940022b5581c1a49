// Quantized weights cached for the next start: a safetensors file whose matrices have the layout that they have on the GPU.
//
// A linear layer `name` is `name.data` in panels (I8, or U8 for int4, F16, F32), `name.scale` (F32 for int8, F16 for int4) and `name.bias`
// (F32, padded to whole panels). Vectors and tables have their own names, as F32. An embedding table is copied as it is.
import { AppError } from '../../src/shared/errors'
import type { Gpu } from '../engine/device'
import type { Scope } from '../engine/scope'
import { tensorBytes, type Tensor } from '../engine/tensor'
import type { LinearWeight, WeightFormat } from '../ops/linear'
import { PANEL } from '../ops/linear-weight'
import { linearShapes } from '../ops/quantize'
import type { LoadedWeights, OnLoaded, WeightRequest, WeightStream } from '../ops/weight-stream'
import type { Dtype } from './safetensors-header'
import { sha256Hex } from './sha256'
import { TensorReader } from './tensor-reader'
import type { TensorTable } from './tensor-table'
import type { TensorWriter } from './tensor-writer'

type LinearRequest = Extract<WeightRequest, { kind: 'linear' }>

/** Changes with the layout of panels or of this file, and when other values are read from the same original files: older files are then made again. */
const LAYOUT = 'kinora panels 2'
/** Bytes read back from the GPU at once. */
const READ_BACK_BYTES = 16 * 2 ** 20

/** Bytes: the browser holds a copy of each buffer write until the GPU has executed it, and must not hold the whole file. */
const MAX_PENDING = 32 * 2 ** 20

/** Dtypes of the data and scale tensors of each format in the file. */
const DATA_DTYPES: Record<WeightFormat, Dtype> = { f32: 'F32', f16: 'F16', i8: 'I8', i4: 'U8' }
const SCALE_DTYPES = { i8: 'F32', i4: 'F16' } as const

/** What a cached copy was made from. */
export interface CacheIdentity {
  /** identity of the model files: differs where their content does */
  modelFiles: string
  /** of the model's matrices */
  format: WeightFormat
}

/** The file name of a cached copy. */
export async function cacheFileName({ modelFiles, format }: CacheIdentity): Promise<string> {
  const hash = await sha256Hex(new TextEncoder().encode(JSON.stringify([LAYOUT, modelFiles, format])))
  return `${hash.slice(0, 32)}.safetensors`
}

/**
 * The weights of a cached copy, or undefined if it has another identity or an older layout.
 * @param table the opened file; opening an incomplete one fails
 */
export function openCache(table: TensorTable, identity: CacheIdentity): CachedWeights | undefined {
  const { layout, source, format } = table.metadata
  if (layout !== LAYOUT || source !== identity.modelFiles || format !== identity.format) return undefined
  return new CachedWeights(new TensorReader(table))
}

/** The identity of the model files that a cached copy was made from; undefined if it has an older layout. */
export function cachedFrom({ metadata }: TensorTable): string | undefined {
  return metadata['layout'] === LAYOUT ? metadata['source'] : undefined
}

/** Cached weights: their bytes are uploaded to the GPU as they are. */
export class CachedWeights implements WeightStream {
  /** bytes uploaded since the GPU was last waited for */
  private pendingBytes = 0

  constructor(readonly reader: TensorReader) {}

  /** @param name as in the original file, for a layer's matrix and bias too */
  has(name: string): boolean {
    return this.reader.has(name) || this.reader.has(cachedName(name))
  }

  /** Whether a matrix is int8 in the original file. Others may be int8 here because the requested format is. */
  isInt8(name: string): boolean {
    return this.reader.has(cachedName(name)) && this.reader.table.metadata['stored_int8']?.split(' ').includes(name) === true
  }

  async read(signal: AbortSignal, scope: Scope, requests: readonly WeightRequest[], onLoaded?: OnLoaded): Promise<LoadedWeights> {
    const loaded: LoadedWeights = { linear: new Map(), floats: new Map() }
    for (const request of this.reader.inOrder(requests, ({ kind, name }) => (kind === 'linear' ? `${name}.data` : name))) {
      const weight =
        request.kind === 'linear'
          ? await this.readLinear(signal, scope, request)
          : await this.readTensor(signal, scope, request.name, request.shape, 'f32', 'F32', request.shape)
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
    signal: AbortSignal,
    scope: Scope,
    name: string,
    shape: readonly number[],
    dtype: Tensor['dtype'],
    stored: Dtype,
    rows: readonly number[],
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
      this.pendingBytes += bytes.length
      if (this.pendingBytes < MAX_PENDING) continue
      await scope.gpu.settle()
      this.pendingBytes = 0
    }
    return tensor
  }
}

/** Passes another stream's weights on, and writes them to the cache. If the disk is full it stops writing, and `failure` is why. */
export class CacheRecorder implements WeightStream {
  /** why there will be no cached copy */
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

  /** Copies an embedding table, of which `rows` are read later. */
  async copyTable(signal: AbortSignal, reader: TensorReader, name: string): Promise<void> {
    await this.record(signal, async () => {
      const { dtype, shape } = reader.entry(name)
      this.writer.begin(name, dtype, shape)
      for await (const { bytes } of reader.pieces(signal, name)) this.writer.write(bytes)
    })
  }

  /** Closes the file. @returns whether there is a complete copy now; if not, `failure` is why */
  finish(): boolean {
    if (this.failure === undefined) {
      try {
        const { modelFiles, format } = this.identity
        this.writer.finish({ layout: LAYOUT, source: modelFiles, format, stored_int8: [...this.storedInt8].join(' ') })
        return true
      } catch (error) {
        this.failure = error
      }
    }
    this.writer.abandon()
    return false
  }

  /** Closes the file unfinished. */
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

  /** Runs a write; a storage error ends the recording only. */
  private async record(signal: AbortSignal, write: () => Promise<void> | void): Promise<void> {
    if (this.failure !== undefined) return
    try {
      await write()
    } catch (error) {
      if (signal.aborted || error instanceof AppError) throw error // of the GPU or of the original file
      this.failure = error
    }
  }
}

/** The cached name of a tensor of the original file: `x.weight` is `x.data`. */
function cachedName(name: string): string {
  return name.replace(/\.weight$/, '.data')
}

/** A GPU tensor's shape in elements of the file's dtype: u32 words of packed values are counted as those values. */
function storedShape(shape: readonly number[], dtype: Tensor['dtype'], stored: Dtype): readonly number[] {
  const last = shape.at(-1) ?? 1
  if (dtype === 'i4') return [...shape.slice(0, -1), last / 2] // two to a byte
  return dtype === 'u32' && stored === 'F16' ? [...shape.slice(0, -1), last * 2] : shape
}
