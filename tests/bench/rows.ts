// All rows of the table by kind of adapter. Sizes are those of the models: LTX-Video 2B (32 heads of 64, int4), Wan 2.1 1.3B (12 of 128), the
// starter (4 of 48, int8, two clips at once for guidance). Software adapters get smaller sizes.
import type { AdapterFacts } from '../../workers/engine/device'
import type { FloatDType } from '../../workers/engine/tensor'
import { attentionRow, type AttentionShape } from './attention-rows'
import { convRow } from './conv-rows'
import { starterDecoderRow, type StarterAutoencoder } from './decoder-rows'
import { gemmRow } from './gemm-rows'
import type { Row } from './row'
import { blockRow, stepRow, type TransformerShape } from './transformer-rows'

/** 17 frames of 128 × 128 pixels: latent frames, height, width */
const STARTER_GRID = [5, 8, 8] as const
const STARTER_TOKENS = 5 * 8 * 8
const STARTER: Omit<TransformerShape, 'name'> = {
  config: { in_channels: 64, out_channels: 64, num_attention_heads: 4, attention_head_dim: 48, num_layers: 6, caption_channels: 128 },
  grid: STARTER_GRID,
  batch: 2,
  textTokens: 32,
  weights: 'i8',
}
const LTX_LAYERS = 28
const LTX: Omit<TransformerShape, 'name'> = { config: {}, grid: [4, 14, 20], batch: 1, textTokens: 128, weights: 'i4' }
/** LTX-Video at an eighth of its width, with fewer tokens. */
const NARROW_LTX: Omit<TransformerShape, 'name'> = { ...LTX, config: { num_attention_heads: 4 }, grid: [4, 8, 8] }
/** Half of that width and tokens: Chromium's software adapter is several times slower than Mesa's, and a step runs a few dozen times. */
const SHORT_LTX: Omit<TransformerShape, 'name'> = { ...LTX, config: { num_attention_heads: 2 }, grid: [2, 8, 8] }
const SHORT_STARTER_GRID = [2, 8, 8] as const

const LTX_HEADS = { heads: 32, headSize: 64 }
const NARROW_HEADS = { heads: 4, headSize: 64 }
const STARTER_HEADS = { batch: 2, heads: 4, headSize: 48 }
const GPU_ATTENTION: AttentionShape[] = [
  ...[1120, 2080, 4290].map((queries) => ({ name: `attention-ltx-${queries}`, queries, ...LTX_HEADS })),
  { name: 'attention-wan-3510', queries: 3510, heads: 12, headSize: 128 },
  { name: 'attention-cross-ltx', queries: 2080, keys: 128, ...LTX_HEADS },
]
const SOFTWARE_ATTENTION: AttentionShape[] = [
  ...[512, 1120].map((queries) => ({ name: `attention-ltx-${queries}`, queries, ...NARROW_HEADS })),
  { name: 'attention-wan-512', queries: 512, heads: 2, headSize: 128 },
  { name: 'attention-cross-ltx', queries: 1120, keys: 128, ...NARROW_HEADS },
]
const STARTER_ATTENTION: AttentionShape[] = [
  { name: 'attention-starter', queries: STARTER_TOKENS, ...STARTER_HEADS },
  { name: 'attention-cross-starter', queries: STARTER_TOKENS, keys: 32, ...STARTER_HEADS },
]
/** M, K, O */
const GPU_GEMMS = [1120, 4290].flatMap((rows) =>
  [
    [2048, 2048],
    [2048, 8192],
    [8192, 2048],
    [1536, 8960],
  ].map(([inner, out]) => [rows, inner, out] as [number, number, number]),
)
const SOFTWARE_GEMMS: [number, number, number][] = [[256, 2048, 2048]]

/** Rows of single operations and of convolutions, in the order of the table. @param dtype of activations */
export function operationRows({ software, dot4 }: Pick<AdapterFacts, 'software' | 'dot4'>, dtype: FloatDType): Row[] {
  const whole = dtype === 'f16' ? 'f16' : 'f32'
  const gemms = software ? SOFTWARE_GEMMS : GPU_GEMMS
  return [
    ...(software ? SOFTWARE_ATTENTION : GPU_ATTENTION).map((shape) => attentionRow(shape, dtype)),
    ...sweep(software ? [256, 1024, 2048] : [256, 512, 1024, 2048, 4096, 8192], software ? NARROW_HEADS : LTX_HEADS, dtype),
    ...STARTER_ATTENTION.map((shape) => attentionRow(shape, dtype)),
    ...([whole, 'i8', 'i4'] as const).flatMap((weights) => gemms.map(([rows, inner, out]) => gemmRow(rows, inner, out, weights, dtype))),
    ...(dot4 ? (['i8', 'i4'] as const) : []).flatMap((weights) => gemms.map(([rows, inner, out]) => gemmRow(rows, inner, out, weights, dtype, true))),
    convRow({ name: 'conv-starter-fine', grid: [5, 32, 32], channels: 48, taps: 1 }, dtype),
    convRow({ name: 'conv-starter-middle', grid: [5, 16, 16], channels: 96, taps: 1 }, dtype),
    convRow({ name: 'conv-ltx', grid: software ? [2, 8, 8] : [4, 32, 48], channels: software ? 128 : 512, taps: 3 }, dtype),
  ]
}

/** Rows of models: blocks, whole steps, the decoder. */
export function modelRows({ software, name }: Pick<AdapterFacts, 'software' | 'name'>, vae: StarterAutoencoder, dtype: FloatDType): Row[] {
  const slow = software && /swiftshader/i.test(name)
  const ltx = !software ? LTX : slow ? SHORT_LTX : NARROW_LTX
  return [
    blockRow({ name: 'block-ltx', ...ltx }, dtype),
    blockRow({ name: 'block-starter', ...STARTER }, dtype),
    stepRow({ name: 'step-starter', ...STARTER }, dtype),
    ...[7, 14, LTX_LAYERS].map((num_layers): Row => ({
      ...stepRow({ name: num_layers === LTX_LAYERS ? 'step-ltx' : `step-ltx-${num_layers}-layers`, ...ltx, config: { ...ltx.config, num_layers } }, dtype),
      grows: { with: 'layers', count: num_layers },
    })),
    starterDecoderRow('decoder-starter', vae, slow ? SHORT_STARTER_GRID : STARTER_GRID, dtype),
  ]
}

/** Attention by number of tokens. */
function sweep(counts: readonly number[], heads: { heads: number; headSize: number }, dtype: FloatDType): Row[] {
  return counts.map((queries) => ({ ...attentionRow({ name: `sweep-${queries}`, queries, ...heads }, dtype), grows: { with: 'tokens', count: queries } }))
}
