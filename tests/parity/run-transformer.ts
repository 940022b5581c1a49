import type { Scope } from '../../workers/engine/scope'
import { LtxTransformer, type TransformerOptions } from '../../workers/models/ltx/transformer'
import type { RopeTable } from '../../workers/ops/rope'
import { need, readWeights, type HostTensor, type ParityCase } from './read-case'
import type { Outputs, Precision } from './read-case'

/** Quantized weights run as in a job: with f16 activations if the adapter supports them. */
export function transformerOptions(scope: Scope, precision: Precision): TransformerOptions {
  if (precision === 'f32' || precision === 'f16') return { precision, linearFormat: precision }
  return { precision: scope.gpu.facts.f16 ? 'f16' : 'f32', linearFormat: precision === 'q8' ? 'i8' : 'i4' }
}

/** LTXVideoTransformer3DModel.forward */
export async function runTransformer(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const { config, folder } = parityCase
  const transformer = LtxTransformer.load(scope, config, readWeights(folder), transformerOptions(scope, precision))
  const upload = ({ values, shape }: HostTensor) => scope.upload(values, shape, 'f32')
  const tokens = upload(need(parityCase, 'hidden_states'))
  const mask = parityCase.inputs.get('encoder_attention_mask')
  const embeds = upload(need(parityCase, 'encoder_hidden_states'))
  const rope = ropeOf(scope, transformer, parityCase)
  const { values: timesteps } = need(parityCase, 'timestep')
  const run = () => {
    const text = transformer.prepareText(scope, embeds, mask && Uint32Array.from(mask.values))
    return transformer.forward(scope, tokens, text, rope, timesteps)
  }
  await scope.gpu.compile(() => void run())
  const velocity = run()
  return new Map([['sample', { shape: velocity.shape, values: await scope.gpu.read(velocity) }]])
}

function ropeOf(scope: Scope, transformer: LtxTransformer, { inputs, scalars }: ParityCase): RopeTable {
  const coordinates = inputs.get('video_coords')
  if (coordinates) return transformer.prepareCoordinates(scope, coordinates.values, coordinates.shape[0])
  const { num_frames: frames, height, width, rope_interpolation_scale: scale } = scalars
  return transformer.prepareGrid(scope, {
    frames: Number(frames),
    height: Number(height),
    width: Number(width),
    ...(Array.isArray(scale) && { scale: scale as unknown as readonly [number, number, number] }),
  })
}
