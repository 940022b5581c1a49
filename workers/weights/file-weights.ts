// The weights of original model files as a stream: matrices are quantized on the GPU piece by piece as they are read.
import type { Scope } from '../engine/scope'
import { uploadLinear, type LinearWeight } from '../ops/linear'
import { PANEL } from '../ops/linear-weight'
import { allocLinear, packRows, type StoredFloat } from '../ops/quantize'
import type { LoadedWeights, OnLoaded, WeightRequest, WeightStream } from '../ops/weight-stream'
import { MAX_PIECE_BYTES, type TensorReader } from './tensor-reader'

type LinearRequest = Extract<WeightRequest, { kind: 'linear' }>

/** Weights of safetensors or GGUF files, read in file order. */
export class FileWeights implements WeightStream {
  constructor(private readonly reader: TensorReader) {}

  has(name: string): boolean {
    return this.reader.has(name)
  }

  isInt8(name: string): boolean {
    return this.has(name) && this.has(`${name}_scale`) && this.reader.entry(name).dtype === 'I8'
  }

  async read(signal: AbortSignal, scope: Scope, requests: readonly WeightRequest[], onLoaded?: OnLoaded): Promise<LoadedWeights> {
    const loaded: LoadedWeights = { linear: new Map(), floats: new Map() }
    const storedName = ({ kind, name }: WeightRequest) => (kind === 'linear' ? `${name}.weight` : name)
    this.require(requests) // before anything is allocated
    for (const request of this.reader.inOrder(requests, storedName)) {
      if (request.kind === 'linear') {
        const weight = await this.readLinear(signal, scope, request)
        loaded.linear.set(request.name, weight)
        await onLoaded?.(request, weight)
      } else {
        const tensor = scope.upload(await this.floats(signal, request.name, request.shape), request.shape, 'f32')
        loaded.floats.set(request.name, tensor)
        await onLoaded?.(request, tensor)
      }
    }
    return loaded
  }

  require(requests: readonly WeightRequest[]): void {
    for (const request of requests) this.check(request)
  }

  floats(signal: AbortSignal, name: string, shape: readonly number[]): Promise<Float32Array<ArrayBuffer>> {
    return this.reader.floats(signal, name, shape)
  }

  rows(signal: AbortSignal, name: string, ids: Uint32Array): Promise<Float32Array<ArrayBuffer>> {
    return this.reader.rows(signal, name, ids)
  }

  /** @throws AppError weights-corrupt when the file's tensor does not fit the request */
  private check(request: WeightRequest): void {
    if (request.kind === 'floats') return this.reader.requireFloats(request.name, request.shape)
    const { name, out, in: inner } = request
    const weight = `${name}.weight`
    if (this.isInt8(weight)) {
      this.reader.requireShape(weight, [out, inner])
      this.reader.requireFloats(`${weight}_scale`, [out])
    } else this.reader.requireFloats(weight, [out, inner])
    if (this.has(`${name}.bias`)) this.reader.requireFloats(`${name}.bias`, [out])
  }

  private async readLinear(signal: AbortSignal, scope: Scope, request: LinearRequest): Promise<LinearWeight> {
    const { name, out, in: inner, format } = request
    const weightName = `${name}.weight`
    const biasName = `${name}.bias`
    const bias = this.has(biasName) ? await this.floats(signal, biasName, [out]) : undefined
    if (this.isInt8(weightName)) return this.readInt8(signal, scope, request, bias)

    const weight = allocLinear(scope, out, inner, format)
    const dtype = this.reader.entry(weightName).dtype as StoredFloat
    for await (const { first, bytes } of this.reader.pieces(signal, weightName, PANEL)) {
      packRows(scope, weight, { dtype, first, bytes })
      await scope.gpu.settle() // bounds the copies that the browser queues; the next piece is being read meanwhile
    }
    if (!bias) return weight
    const padded = new Float32Array(Math.ceil(out / PANEL) * PANEL)
    padded.set(bias)
    return { ...weight, bias: scope.upload(padded, [padded.length / PANEL, PANEL], 'f32') }
  }

  /** int8 weights are used as they are: small models are published so. */
  private async readInt8(signal: AbortSignal, scope: Scope, { name, out, in: inner, format }: LinearRequest, bias?: Float32Array): Promise<LinearWeight> {
    if (out * inner > MAX_PIECE_BYTES) throw this.reader.misfit(`${name}.weight`, `at most ${MAX_PIECE_BYTES} bytes of I8`, `${out * inner}`)
    const scale = await this.floats(signal, `${name}.weight_scale`, [out])
    const q = new Int8Array(out * inner)
    for await (const { first, bytes } of this.reader.pieces(signal, `${name}.weight`))
      q.set(new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length), first * inner)
    const values = format === 'i8' ? { q, scale } : Float32Array.from(q, (code, i) => code * (scale[Math.floor(i / inner)] as number))
    return uploadLinear(scope, { values, out, in: inner, ...(bias && { bias }) }, format)
  }
}
