// Weights of a convolution on the GPU, rearranged for the kernel one shard at a time.
import type { Scope } from '../engine/scope'
import { elementCount, type FloatDType, type Tensor } from '../engine/tensor'

/** Weights of a convolution, rearranged for the kernel: blocks of 4 input by 4 output channels. */
export interface ConvWeight {
  out: number
  in: number
  /** taps in time, height, width */
  kernel: readonly [number, number, number]
  /** one, or several where all weights together exceed the limit of a binding */
  shards: readonly ConvShard[]
  /** f32, zero-padded to whole groups of 4, zeros where the source has no bias */
  bias: Tensor
  dtype: FloatDType
}

/** The weights of output channels from … from + out − 1: [taps, in/4, out/4] blocks. */
export interface ConvShard {
  from: number
  out: number
  data: Tensor
}

/** Weights of output channels from `first` on, in torch's order. */
export interface ConvPiece {
  first: number
  values: Float32Array
}

/**
 * The most weights in a shard: 64 MiB as f32. Half of the specification's limit of a binding, because shards are rearranged in memory one
 * at a time, and a dispatch over fewer output channels is shorter.
 */
const SHARD_WEIGHTS = 2 ** 24

/** Uploads weights in torch's order: [O, I, kt, kh, kw] or [O, I, kh, kw]. @param shardWeights the most in one binding */
export function uploadConv(
  scope: Scope,
  values: Float32Array,
  shape: readonly number[],
  bias: Float32Array | undefined,
  dtype: FloatDType,
  shardWeights = SHARD_WEIGHTS,
): ConvWeight {
  if (elementCount(shape) !== values.length)
    throw new Error(`uploadConv: expected [O, I, (kt,) kh, kw], got [${shape.join(', ')}] and ${values.length} values.`)
  const upload = new ConvUpload(scope, shape, bias, dtype, shardWeights)
  upload.add({ first: 0, values })
  return upload.finish()
}

/** `uploadConv` for weights that arrive a few output channels at a time, in order: one shard of them is in memory. */
export async function uploadConvPieces(
  scope: Scope,
  pieces: AsyncIterable<ConvPiece>,
  shape: readonly number[],
  bias: Float32Array | undefined,
  dtype: FloatDType,
  shardWeights = SHARD_WEIGHTS,
): Promise<ConvWeight> {
  const upload = new ConvUpload(scope, shape, bias, dtype, shardWeights)
  for await (const piece of pieces) {
    upload.add(piece)
    await scope.gpu.settle() // keeps the browser from queueing a copy of the whole file; the next piece is read meanwhile
  }
  return upload.finish()
}

/** Rearranges weights into shards, and uploads each when it is full. */
class ConvUpload {
  private readonly out: number
  private readonly inputs: number
  private readonly kernel: readonly [number, number, number]
  /** output channels of a shard: whole groups of 4 */
  private readonly outAtOnce: number
  private readonly shards: ConvShard[] = []
  private blocks: Float32Array | undefined
  /** output channels added so far */
  private added = 0

  constructor(
    private readonly scope: Scope,
    shape: readonly number[],
    private readonly bias: Float32Array | undefined,
    private readonly dtype: FloatDType,
    shardWeights: number,
  ) {
    if (shape.length !== 4 && shape.length !== 5) throw new Error(`uploadConv: expected [O, I, (kt,) kh, kw], got [${shape.join(', ')}].`)
    const [out, inputs, kt, kh, kw] = (shape.length === 4 ? [shape[0], shape[1], 1, shape[2], shape[3]] : shape) as [number, number, number, number, number]
    if (bias && bias.length !== out) throw new Error(`uploadConv: expected ${out} biases, got ${bias.length}.`)
    this.out = out
    this.inputs = inputs
    this.kernel = [kt, kh, kw]
    this.outAtOnce = Math.max(4, Math.floor(shardWeights / (inputs * this.taps * 4)) * 4)
  }

  private get taps(): number {
    return this.kernel[0] * this.kernel[1] * this.kernel[2]
  }

  add({ first, values }: ConvPiece): void {
    const perOut = this.inputs * this.taps
    const end = first + values.length / perOut
    if (first !== this.added || end > this.out)
      throw new Error(`uploadConv: expected output channels from ${this.added} to ${this.out}, got ${first} to ${end}.`)
    while (this.added < end) {
      const from = this.added - (this.added % this.outAtOnce)
      const outs = Math.min(this.outAtOnce, this.out - from)
      const shape = [this.taps, Math.ceil(this.inputs / 4), Math.ceil(outs / 4), 16]
      this.blocks ??= new Float32Array(elementCount(shape))
      const until = Math.min(end, from + outs)
      writeBlocks(this.blocks, values.subarray((this.added - first) * perOut, (until - first) * perOut), this.added - from, outs, this.inputs, this.taps)
      this.added = until
      if (until < from + outs) continue
      this.shards.push({ from, out: outs, data: this.scope.upload(this.blocks, shape, this.dtype) })
      this.blocks = undefined
    }
  }

  finish(): ConvWeight {
    if (this.added !== this.out) throw new Error(`uploadConv: expected ${this.out} output channels, got ${this.added}.`)
    const biases = new Float32Array(Math.ceil(this.out / 4) * 4)
    if (this.bias) biases.set(this.bias)
    return {
      out: this.out,
      in: this.inputs,
      kernel: this.kernel,
      shards: this.shards,
      bias: this.scope.upload(biases, [biases.length], 'f32'),
      dtype: this.dtype,
    }
  }
}

/** Writes [O', I, taps], output channels from `at` on, into [taps, I/4, O/4] blocks [4 inputs][4 outputs]. */
function writeBlocks(blocks: Float32Array, values: Float32Array, at: number, out: number, inputs: number, taps: number): void {
  const inGroups = Math.ceil(inputs / 4)
  const outGroups = Math.ceil(out / 4)
  const count = values.length / (inputs * taps)
  for (let row = 0; row < count; row++) {
    const o = at + row
    for (let i = 0; i < inputs; i++) {
      const from = (row * inputs + i) * taps
      const to = ((i >> 2) * outGroups + (o >> 2)) * 16 + (i & 3) * 4 + (o & 3)
      for (let tap = 0; tap < taps; tap++) blocks[to + tap * inGroups * outGroups * 16] = values[from + tap] as number
    }
  }
}
