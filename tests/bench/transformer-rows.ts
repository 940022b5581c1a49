// A transformer's block, and a whole step.
import * as v from 'valibot'
import type { Gpu } from '../../workers/engine/device'
import { withScope, type Scope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { gridFractions, ropeAngles, type RopeGrid } from '../../workers/models/ltx/rope'
import { LtxTransformer, LtxTransformerConfigSchema, type LtxTransformerConfig, type PreparedText } from '../../workers/models/ltx/transformer'
import { sinusoids } from '../../workers/models/timestep-embedding'
import type { WeightSource } from '../../workers/models/weight-source'
import { attentionKernel } from '../../workers/ops/attention'
import { linearVariant, type WeightFormat } from '../../workers/ops/linear'
import type { WeightStream } from '../../workers/ops/weight-stream'
import { randomValues } from '../gpu/reference'
import { OnnxGraph, readBack } from './onnx-graph'
import { linearFormats } from './onnx-linear'
import { OnnxTransformer, type TextBlock } from './onnx-transformer'
import { openOurs } from './ours'
import { randomWeights } from './random-weights'
import { WEIGHT_BYTES, sizeOf, type Row } from './row'
import type { Repetitions } from './turns'

export interface TransformerShape {
  name: string
  /** differences from LTX-Video 2B */
  config: Partial<LtxTransformerConfig>
  /** of the latent: frames, height, width; their product is N */
  grid: readonly [number, number, number]
  /** B: 2 with guidance, for the prompt and the negative prompt */
  batch: number
  /** L */
  textTokens: number
  weights: WeightFormat
}

const TIMESTEP = Float32Array.of(700)
const SINUSOIDS = 256
const COMPARED = 32
/** Rounding of many layers. */
const TOLERANCE: Record<FloatDType, number> = { f32: 1e-2, f16: 0.1 }
/** Distance of latent pixels in units of the positions. */
const SCALE = [1, 32, 32] as const
const GOAL = { gpu: 1.5, software: 1.2 }
/** Not on a software adapter, which is the CPU. */
const HOST_GOAL = { gpu: 0.05 }

/** A step is one evaluation; each repetition uses the previous velocities as its tokens. */
export function stepRow(shape: TransformerShape, dtype: FloatDType): Row {
  const layers = configOf(shape).num_layers
  return { ...transformerRow(shape, dtype, { layersOf: () => layers, passesOf: (repetitions) => repetitions }), hostGoal: HOST_GOAL }
}

/** A block: eight repetitions are a model of eight layers, one is a model of one layer, so that everything around the blocks cancels out. */
export function blockRow(shape: TransformerShape, dtype: FloatDType): Row {
  return transformerRow(shape, dtype, { layersOf: (repetitions) => repetitions, passesOf: () => 1 })
}

/** The meaning of a number of repetitions. */
interface Repeated {
  /** layers of the model */
  layersOf(repetitions: Repetitions): number
  /** consecutive evaluations of the model */
  passesOf(repetitions: Repetitions): number
}

function transformerRow(shape: TransformerShape, dtype: FloatDType, { layersOf, passesOf }: Repeated): Row {
  const { name, batch, textTokens, weights } = shape
  const base = configOf(shape)
  const { num_attention_heads: heads, attention_head_dim: headSize, in_channels: channels, caption_channels: caption } = base
  const [frames, height, width] = shape.grid
  const tokens = frames * height * width
  const rope: RopeGrid = { frames, height, width, scale: SCALE, patch: 1, patchTime: 1 }
  const x = { shape: [batch, tokens, channels], values: randomValues(1, batch * tokens * channels) }
  const textValues = randomValues(2, batch * textTokens * caption)
  const withLayers = (layers: number) => ({ ...base, num_layers: layers })
  const options = { precision: dtype, linearFormat: weights }

  const weightsOf = (layers: number): WeightSource => randomWeights(LtxTransformer.requests(withLayers(layers), ANYTHING, options))
  const load = (scope: Scope, layers: number): { transformer: LtxTransformer; text: PreparedText } => {
    const transformer = LtxTransformer.load(scope, withLayers(layers), weightsOf(layers), options)
    return { transformer, text: transformer.prepareText(scope, scope.upload(textValues, [batch, textTokens, caption], 'f32')) }
  }
  const layers = passesOf(8) === 8 ? base.num_layers : 1
  const blockFlops = batch * tokens * heads * headSize * (28 * heads * headSize + 4 * (tokens + textTokens))
  const aroundFlops = 4 * batch * tokens * heads * headSize * channels
  return {
    name,
    shape: `B ${batch}, N ${tokens}, L ${textTokens}, ${heads} × ${headSize}, ${layers} ${layers === 1 ? 'layer' : 'layers'}`,
    dtype,
    weights,
    flops: layers * blockFlops + (passesOf(8) === 8 ? aroundFlops : 0),
    bytes: layers * (14 * (heads * headSize) ** 2 * WEIGHT_BYTES[weights] + 2 * batch * tokens * heads * headSize * sizeOf(dtype)),
    goal: GOAL,
    tolerance: TOLERANCE[dtype],
    ours: (gpu) =>
      openOurs(gpu, `${linearVariant(gpu.facts, batch * tokens, weights, dtype)}, ${attentionKernel(gpu.facts, headSize, dtype)}`, (owner) => {
        const models = new Map([...new Set([layersOf(1), layersOf(8)])].map((count) => [count, load(owner, count)]))
        const table = [...models.values()][0]?.transformer.prepareGrid(owner, rope)
        const input = owner.upload(x.values, x.shape, 'f32')
        return {
          values: COMPARED,
          run(scope, repetitions) {
            const model = models.get(layersOf(repetitions))
            if (!model || !table) throw new Error(`${name}: expected a model of ${layersOf(repetitions)} layers, got none.`)
            let y = input
            for (let i = 0; i < passesOf(repetitions); i++) y = model.transformer.forward(scope, y, model.text, table, TIMESTEP)
            return y
          },
        }
      }),
    async peers(gpu) {
      const text = await textBlocks(gpu, (scope) => load(scope, layersOf(8)).text)
      return linearFormats(weights, heads * headSize).map((format) => ({
        kernel: `${format.kernel}, MultiHeadAttention`,
        model(repetitions) {
          const graph = new OnnxGraph()
          const config = withLayers(layersOf(repetitions))
          const angles = ropeAngles(gridFractions(rope), heads * headSize)
          const net = new OnnxTransformer(graph, {
            config,
            weights: weightsOf(config.num_layers),
            format,
            dtype,
            batch,
            tokens,
            textTokens,
            text,
            rope: angles,
          })
          let y = graph.input('x', dtype, x.shape)
          const time = graph.input('time', dtype, [1, SINUSOIDS])
          for (let i = 0; i < passesOf(repetitions); i++) y = net.forward(y, time)
          readBack(graph, [y], 3, COMPARED, dtype)
          return { graph, feeds: { x, time: { shape: [1, SINUSOIDS], values: sinusoids(TIMESTEP) } } }
        },
      }))
    },
  }
}

function configOf({ config }: TransformerShape): LtxTransformerConfig {
  return v.parse(LtxTransformerConfigSchema, config)
}

/** The text's keys and values from our side: they are computed once per job, outside of the timed work. */
function textBlocks(gpu: Gpu, prepare: (scope: Scope) => PreparedText): Promise<TextBlock[]> {
  return withScope(gpu, async (scope) => {
    const blocks: TextBlock[] = []
    for (const { key, value } of prepare(scope).blocks) blocks.push({ key: await gpu.read(key), value: await gpu.read(value) })
    return blocks
  })
}

const never = () => Promise.reject(new Error('Expected no read of weights.'))
/** Float weights of any name. */
const ANYTHING: WeightStream = { has: () => true, isInt8: () => false, read: never, floats: never, rows: never }
