// LTX-Video's diffusion transformer: diffusers' LTXVideoTransformer3DModel. The starter is the same at small scale.
//
// B clips   N tokens a clip   C channels of a token   D width   H heads
// L text tokens   E text width   U distinct timesteps
import * as v from 'valibot'
import { misfitError, MOST, numberIn, parseFields, wholeIn } from '../../../src/shared/file-bounds'
import type { Scope } from '../../engine/scope'
import { dim, reshape, tensorBytes, type FloatDType, type Tensor } from '../../engine/tensor'
import { attention } from '../../ops/attention'
import { silu } from '../../ops/elementwise'
import { linear, type LinearWeight, type WeightFormat } from '../../ops/linear'
import { modulationTables, type Modulation, type ScaleShift } from '../../ops/modulation'
import { norm, normFor } from '../../ops/norm'
import { normRope, type RopeTable } from '../../ops/rope'
import type { QuantizedActivations } from '../../ops/quantize-activations'
import { buildFrom, renamedStream, requestsOf, type WeightRequest, type WeightStream, type WeightTaker } from '../../ops/weight-stream'
import type { ForwardPass, ModelParts, VideoTransformer } from '../architecture'
import { coordinateFractions, gridFractions, ropeAngles, type RopeGrid } from './rope'
import { takeFrom } from '../stream-in-memory'
import { embedTimesteps, takeTimestepEmbedder, timestepRows, type TimestepEmbedder } from '../timestep-embedding'
import { renamed, type WeightSource } from '../weight-source'

/** `transformer/config.json`; what is missing has the reference's default. */
export const LtxTransformerConfigSchema = v.object({
  in_channels: v.optional(wholeIn(1, MOST.channels), 128),
  out_channels: v.nullish(wholeIn(1, MOST.channels)),
  patch_size: v.optional(wholeIn(1, 64), 1),
  patch_size_t: v.optional(wholeIn(1, 64), 1),
  num_attention_heads: v.optional(wholeIn(1, MOST.layers), 32),
  attention_head_dim: v.optional(wholeIn(1, 1024), 64),
  num_layers: v.optional(wholeIn(1, MOST.layers), 28),
  caption_channels: v.optional(wholeIn(1, MOST.channels), 4096),
  norm_eps: v.optional(numberIn(0, 1), 1e-6),
  norm_elementwise_affine: v.optional(v.boolean(), false),
  // the reference knows no other of the first, and LTX-Video uses no other of the second
  qk_norm: v.optional(v.literal('rms_norm_across_heads'), 'rms_norm_across_heads'),
  activation_fn: v.optional(v.literal('gelu-approximate'), 'gelu-approximate'),
})
export type LtxTransformerConfig = v.InferOutput<typeof LtxTransformerConfigSchema>

/** How a transformer computes. */
export interface TransformerOptions {
  /** of activations; the residual stream, norms, softmax and all sums are f32 in any case */
  precision: FloatDType
  /** of the blocks' matrices. The few outside stay as precise as the activations; with i8 and i4 they are int8 where they are large or stored so, else f16. */
  linearFormat: WeightFormat
}

/** What a prompt is to the blocks: nothing in it depends on the step, so it is computed once a job. */
export interface PreparedText {
  /** u32 [B, L], 1 = keep */
  mask: Tensor | undefined
  /** each block's keys and values of the text, [B, L, D] */
  blocks: readonly { key: Tensor; value: Tensor }[]
}

const TIME_EMBEDDER = 'time_embed.emb.timestep_embedder'
const QK_EPS = 1e-5
const OUT_EPS = 1e-6
/** Weights of a matrix outside the blocks from which on it is quantized with them: LTX-Video 2B has 42 million in four of those. */
const LARGE = 2 ** 20
/** Rows of a block's modulation table. */
const SLOT = { shiftAttention: 0, scaleAttention: 1, gateAttention: 2, shiftFeed: 3, scaleFeed: 4, gateFeed: 5 } as const
const SLOTS = 6
/** Of the blocks' modulation at once: far below what may be bound, and with the usual one to three distinct timesteps room for all blocks. */
const MODULATION_BYTES = 8 * 2 ** 20

interface Attention {
  query: LinearWeight
  key: LinearWeight
  value: LinearWeight
  out: LinearWeight
  queryNorm: Tensor
  keyNorm: Tensor
}

interface Block {
  norm1: Tensor | undefined
  self: Attention
  cross: Attention
  norm2: Tensor | undefined
  feedIn: LinearWeight
  feedOut: LinearWeight
}

/** What is read of a checkpoint. */
interface Weights {
  tokensIn: LinearWeight
  time: TimestepEmbedder
  timeOut: LinearWeight
  captionIn: LinearWeight
  captionOut: LinearWeight
  blocks: readonly Block[]
  /** each block's own part of its modulation, f32 [6, D] */
  blockTables: readonly Tensor[]
  /** f32 [2, D]: shift and scale of the last norm */
  outTable: Tensor
  tokensOut: LinearWeight
}

/** A forward pass under way. Its tensors belong to the scope that it was begun in. */
interface LtxForwardPass extends ForwardPass {
  text: PreparedText
  rope: RopeTable
  skipBlocks: readonly number[]
  /** u32 [B·N]: which of the distinct timesteps is a token's */
  rowOf: Tensor
  /** f32 [U, D] */
  embedded: Tensor
  /** f32 [U, 6·D], what the timesteps say to every block */
  modulation: Tensor
}

/** The weights on the GPU, and the forward pass. Its tensors belong to the scope it was loaded in. */
export class LtxTransformer implements VideoTransformer<PreparedText, RopeTable, LtxForwardPass> {
  private readonly weights: Omit<Weights, 'blockTables'>
  /** f32 [blocks, 6·D] */
  private readonly tables: Tensor

  private constructor(
    scope: Scope,
    readonly config: LtxTransformerConfig,
    readonly options: TransformerOptions,
    { blockTables, ...weights }: Weights,
  ) {
    this.weights = weights
    // one by one in a file and one tensor here, so that one dispatch makes the modulation of all blocks
    this.tables = scope.joined(blockTables, [blockTables.length, SLOTS * this.width])
    for (const table of blockTables) scope.free(table)
  }

  /**
   * Uploads the weights. Key names may be diffusers' or the original checkpoint's.
   * @param config `transformer/config.json`, parsed as JSON
   * @throws AppError weights-corrupt when the config or a weight does not fit
   */
  static load(scope: Scope, config: unknown, source: WeightSource, options: TransformerOptions): LtxTransformer {
    const parsed = parseLtxTransformerConfig(config)
    return new LtxTransformer(scope, parsed, options, takeWeights(takeFrom(scope, withDiffusersNames(source, renamed)), parsed, options))
  }

  /**
   * The same from weights that are read as they are needed: a large checkpoint is never in memory as a whole.
   * @param config `transformer/config.json`, parsed as JSON
   * @throws AppError weights-corrupt when the config or a weight does not fit; the signal's reason when it fires
   */
  static async stream(signal: AbortSignal, scope: Scope, config: unknown, source: WeightStream, options: TransformerOptions): Promise<LtxTransformer> {
    const parsed = parseLtxTransformerConfig(config)
    const weights = await buildFrom(signal, scope, withDiffusersNames(source, renamedStream), (take) => takeWeights(take, parsed, options))
    return new LtxTransformer(scope, parsed, options, weights)
  }

  /** What `stream` would read, by the names of diffusers: how large a model will be is known before a byte of it is there. */
  static requests(config: unknown, source: WeightStream, options: TransformerOptions): WeightRequest[] {
    const parsed = parseLtxTransformerConfig(config)
    return requestsOf(withDiffusersNames(source, renamedStream), (take) => takeWeights(take, parsed, options))
  }

  /** Checks by the files' headers that `stream` will find all that it reads. @throws AppError weights-corrupt */
  static requireWeights(config: unknown, source: WeightStream, options: TransformerOptions): void {
    const weights = withDiffusersNames(source, renamedStream)
    weights.require?.(requestsOf(weights, (take) => takeWeights(take, parseLtxTransformerConfig(config), options)))
  }

  /** What the pipeline needs of the config: patches, and E. */
  get sizes(): Pick<ModelParts, 'patch' | 'textWidth'> {
    const { patch_size: patch, patch_size_t: patchTime, caption_channels: textWidth } = this.config
    return { patch: { patch, patchTime }, textWidth }
  }

  /** D */
  get width(): number {
    return this.config.num_attention_heads * this.config.attention_head_dim
  }

  /**
   * Projects a prompt and computes every block's keys and values of it.
   * @param embeds f32 [B, L, E]
   * @param mask [B·L], 1 = keep; without it all tokens count
   */
  prepareText(scope: Scope, embeds: Tensor, mask?: Uint32Array): PreparedText {
    const dtype = this.options.precision
    return scope.within((inner) => {
      const hidden = linear(inner, embeds, this.weights.captionIn, { activation: 'gelu-tanh', dtype }) // [B, L, D]
      const text = linear(inner, hidden, this.weights.captionOut) // [B, L, D]
      return {
        mask: mask && scope.upload(keepSomething(mask, dim(embeds, 0)), [dim(embeds, 0), dim(embeds, 1)], 'u32'),
        blocks: this.weights.blocks.map(({ cross }) => ({
          key: normRope(scope, linear(inner, text, cross.key), { weight: cross.keyNorm, eps: QK_EPS }), // [B, L, D]
          value: linear(scope, text, cross.value), // [B, L, D]
        })),
      }
    })
  }

  /** RoPE tables of tokens at these coordinates (seconds or frames, y, x): f32 [B, 3, N]. Clips at the same places share them. */
  prepareCoordinates(scope: Scope, coordinates: Float32Array, batch = 1): RopeTable {
    const each = coordinates.length / batch
    const same = coordinates.every((value, index) => value === coordinates[index % each])
    return this.uploadRope(scope, same ? coordinateFractions(coordinates.slice(0, each), 1) : coordinateFractions(coordinates, batch))
  }

  /** RoPE tables of a whole grid of tokens, shared by all clips of a batch. */
  prepareGrid(scope: Scope, grid: Omit<RopeGrid, 'patch' | 'patchTime'>): RopeTable {
    return this.uploadRope(scope, gridFractions({ ...grid, patch: this.config.patch_size, patchTime: this.config.patch_size_t }))
  }

  private uploadRope(scope: Scope, fractions: Float32Array): RopeTable {
    const { cos, sin, positions } = ropeAngles(fractions, this.width)
    const shape = [positions, this.width / 2]
    return { cos: scope.upload(cos, shape, 'f32'), sin: scope.upload(sin, shape, 'f32'), positions }
  }

  /**
   * One forward pass: the velocity of every token, f32 [B, N, C]. Only dispatches; reads nothing back.
   * @param tokens f32 [B, N, C]
   * @param timesteps 0 … 1000: one for all, one a clip, or one a token ([B·N])
   * @param skipBlocks indices of blocks whose self-attention hands each token its own value, so that no token sees another:
   *   the perturbed model of spatio-temporal guidance, `attention_values` in Lightricks' code
   */
  forward(scope: Scope, tokens: Tensor, text: PreparedText, rope: RopeTable, timesteps: Float32Array, skipBlocks?: readonly number[]): Tensor {
    return scope.within((inner) => {
      const pass = this.begin(inner, tokens, text, rope, timesteps, skipBlocks)
      this.runBlocks(pass)
      return this.velocity(scope, pass)
    })
  }

  /** What forward does before the first block. */
  begin(scope: Scope, tokens: Tensor, text: PreparedText, rope: RopeTable, timesteps: Float32Array, skipBlocks: readonly number[] = []): LtxForwardPass {
    const { tokensIn, time, timeOut } = this.weights
    const [batch, count] = [dim(tokens, 0), dim(tokens, 1)]
    const { times, rowOf } = timestepRows(timesteps, batch, count)
    const embedded = embedTimesteps(scope, time, times) // [U, D]
    return {
      scope,
      text,
      rope,
      skipBlocks,
      embedded,
      rowOf: scope.upload(rowOf, [batch * count], 'u32'), // [B·N]
      modulation: linear(scope, silu(scope, embedded), timeOut), // [U, 6·D]
      x: linear(scope, tokens, tokensIn, { dtype: 'f32' }), // [B, N, D]
    }
  }

  /** Runs the blocks from `first` up to `end`, which add to the pass's x. */
  runBlocks(pass: LtxForwardPass, first = 0, end = this.weights.blocks.length): void {
    const { scope, modulation } = pass
    const together = Math.max(1, Math.floor(MODULATION_BYTES / tensorBytes(modulation.shape, 'f32')))
    for (let from = first; from < end; from += together) {
      const count = Math.min(together, end - from)
      scope.within((own) => {
        const tables = modulationTables(own, modulation, this.tables, from, count) // [U, blocks, 6·D]
        const table = reshape(tables, [dim(modulation, 0), count * SLOTS, this.width])
        for (let at = 0; at < count; at++) own.within((block) => this.runBlock(block, pass, from + at, table, at * SLOTS))
      })
    }
  }

  /** What forward does after the last block: the velocity of every token, f32 [B, N, C], in a scope that may be another. */
  velocity(scope: Scope, { x, embedded, rowOf }: LtxForwardPass): Tensor {
    const { outTable, tokensOut } = this.weights
    return scope.within((inner) => {
      const table = modulationTables(inner, embedded, outTable) // [U, 2, D]
      const modulation = { table, rowOf, scale: 1, shift: 0 }
      const normed = norm(inner, x, { kind: 'layer', eps: OUT_EPS, modulation, dtype: this.options.precision }) // [B, N, D]
      return linear(scope, normed, tokensOut, { dtype: 'f32' }) // [B, N, C]
    })
  }

  /** Self-attention before its last matrix. A block that skips it sees, in each token, that token alone. */
  private lookAround(scope: Scope, y: Tensor | QuantizedActivations, self: Attention, rope: RopeTable): Tensor {
    const q = normRope(scope, linear(scope, y, self.query), { weight: self.queryNorm, eps: QK_EPS, rope }) // [B, N, D]
    const k = normRope(scope, linear(scope, y, self.key), { weight: self.keyNorm, eps: QK_EPS, rope }) // [B, N, D]
    return attention(scope, q, k, linear(scope, y, self.value), { heads: this.config.num_attention_heads }) // [B, N, D]
  }

  /** @param table f32 [U, S, D], with the block's slots from `firstSlot` on */
  private runBlock(scope: Scope, { x, text, rope, rowOf, skipBlocks }: LtxForwardPass, index: number, table: Tensor, firstSlot: number): void {
    const dtype = this.options.precision
    const heads = this.config.num_attention_heads
    const eps = this.config.norm_eps
    const block = this.weights.blocks[index] as Block
    const { self, cross } = block
    const at = (slot: number): Modulation => ({ table, rowOf, slot: firstSlot + slot })
    const modulated = (scale: number, shift: number): ScaleShift => ({ table, rowOf, scale: firstSlot + scale, shift: firstSlot + shift })

    const y = normFor(scope, x, self.query, {
      kind: 'rms',
      eps,
      ...weightOf(block.norm1),
      modulation: modulated(SLOT.scaleAttention, SLOT.shiftAttention),
      dtype,
    }) // [B, N, D]
    const seen = skipBlocks.includes(index) ? linear(scope, y, self.value) : this.lookAround(scope, y, self, rope) // [B, N, D]
    linear(scope, seen, self.out, { addTo: x, gate: at(SLOT.gateAttention) }) // [B, N, D]

    const asked = normRope(scope, linear(scope, x, cross.query, { dtype }), { weight: cross.queryNorm, eps: QK_EPS }) // [B, N, D]
    const { key, value } = text.blocks[index] as PreparedText['blocks'][number] // [B, L, D]
    const told = attention(scope, asked, key, value, { heads, ...(text.mask && { mask: text.mask }) }) // [B, N, D]
    linear(scope, told, cross.out, { addTo: x }) // [B, N, D]

    const z = normFor(scope, x, block.feedIn, {
      kind: 'rms',
      eps,
      ...weightOf(block.norm2),
      modulation: modulated(SLOT.scaleFeed, SLOT.shiftFeed),
      dtype,
    }) // [B, N, D]
    const wide = linear(scope, z, block.feedIn, { activation: 'gelu-tanh' }) // [B, N, 4·D]
    linear(scope, wide, block.feedOut, { addTo: x, gate: at(SLOT.gateFeed) }) // [B, N, D]
  }
}

/** @throws AppError weights-corrupt naming the field */
export function parseLtxTransformerConfig(config: unknown): LtxTransformerConfig {
  return parseFields(LtxTransformerConfigSchema, config, (misfit) =>
    misfitError('weights-corrupt', 'transformer/config.json', "The transformer's config.json does not fit", misfit),
  )
}

function takeWeights(take: WeightTaker, config: LtxTransformerConfig, options: TransformerOptions): Weights {
  const width = config.num_attention_heads * config.attention_head_dim
  const quantize = options.linearFormat === 'i8' || options.linearFormat === 'i4'
  // Beside quantized matrices: int8 where they are large, else half floats, which kernels read without shader-f16, too.
  const outside = (name: string, size: number): WeightFormat => (!quantize ? options.precision : size >= LARGE || take.isInt8(`${name}.weight`) ? 'i8' : 'f16')
  const load = (name: string, out: number, inputs: number) => take.linear(name, out, inputs, outside(name, out * inputs))
  const channels = config.in_channels
  const blocks = Array.from({ length: config.num_layers }, (_, index) => `transformer_blocks.${index}`)
  return {
    tokensIn: load('proj_in', width, channels),
    time: takeTimestepEmbedder(take, TIME_EMBEDDER, width, outside(`${TIME_EMBEDDER}.linear_2`, width * width)),
    timeOut: load('time_embed.linear', SLOTS * width, width),
    captionIn: load('caption_projection.linear_1', width, config.caption_channels),
    captionOut: load('caption_projection.linear_2', width, width),
    blocks: blocks.map((name) => takeBlock(take, name, width, config.norm_elementwise_affine, options.linearFormat)),
    blockTables: blocks.map((name) => take.floats(`${name}.scale_shift_table`, [SLOTS, width])),
    outTable: take.floats('scale_shift_table', [2, width]),
    tokensOut: load('proj_out', config.out_channels ?? channels, width),
  }
}

function takeBlock(take: WeightTaker, name: string, width: number, affine: boolean, format: WeightFormat): Block {
  const load = (part: string, out: number, inputs: number) => take.linear(`${name}.${part}`, out, inputs, format)
  const gain = (part: string) => take.floats(`${name}.${part}.weight`, [width])
  const attentionOf = (part: string): Attention => ({
    query: load(`${part}.to_q`, width, width),
    key: load(`${part}.to_k`, width, width),
    value: load(`${part}.to_v`, width, width),
    out: load(`${part}.to_out.0`, width, width),
    queryNorm: gain(`${part}.norm_q`),
    keyNorm: gain(`${part}.norm_k`),
  })
  return {
    norm1: affine ? gain('norm1') : undefined,
    self: attentionOf('attn1'),
    cross: attentionOf('attn2'),
    norm2: affine ? gain('norm2') : undefined,
    feedIn: load('ff.net.0.proj', 4 * width, width),
    feedOut: load('ff.net.2', width, 4 * width),
  }
}

const weightOf = (weight: Tensor | undefined): { weight?: Tensor } => (weight ? { weight } : {})

/** A clip whose text is masked away entirely sees all of it: the reference's mask is a constant there, which softmax ignores. */
function keepSomething(mask: Uint32Array, batch: number): Uint32Array {
  const kept = mask.slice()
  const length = mask.length / batch
  for (let clip = 0; clip < batch; clip++) {
    const row = kept.subarray(clip * length, (clip + 1) * length)
    if (row.every((keep) => keep === 0)) row.fill(1)
  }
  return kept
}

/** Lets a checkpoint of the original LTX-Video code be asked by diffusers' names. `rename` as the kind of weights needs it. */
function withDiffusersNames<W extends { has(name: string): boolean }>(weights: W, rename: (weights: W, storedName: (name: string) => string) => W): W {
  if (weights.has('proj_in.weight')) return weights
  const prefix = ['model.diffusion_model.', ''].find((candidate) => weights.has(`${candidate}patchify_proj.weight`))
  if (prefix === undefined) return weights
  return rename(
    weights,
    (name) => prefix + name.replace('proj_in', 'patchify_proj').replace('time_embed.', 'adaln_single.').replace('norm_q', 'q_norm').replace('norm_k', 'k_norm'),
  )
}
