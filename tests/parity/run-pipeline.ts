// The denoise loops of LTXPipeline and LTXConditionPipeline, one clip at a time, on the sampler of every clip.
import { join } from 'node:path'
import type { Scope } from '../../workers/engine/scope'
import { linspaceSigmas, setTimesteps, shiftForTokens, type Schedule } from '../../workers/models/flow-match-scheduler'
import { linearQuadraticSigmas } from '../../workers/models/linear-quadratic'
import { LtxTransformer } from '../../workers/models/ltx/transformer'
import type { RopeTable } from '../../workers/ops/rope'
import { denoise } from '../../workers/pipeline/sampler'
import { batchOf, clipOf, latentSizes, type LatentSizes } from './pipeline-sizes'
import { gridFirst, conditionedStart, referenceOrder } from './run-conditions'
import { need, readJson, readWeights, type HostTensor, type ParityCase } from './read-case'
import type { Outputs, Precision } from './read-case'
import { transformerOptions } from './run-transformer'

/** Where a clip's loop starts. */
interface Start {
  /** [1, N, C] */
  tokens: HostTensor
  rope: RopeTable
  strengths?: Float32Array
  /** number of tokens after the grid's own */
  appended: number
}

/** Latents after each step, `latents.<k>` with k from 0 or, if the case counts so, from 1; and `start`, if the case has it. */
export async function runDenoise(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const { folder, inputs, outputs, scalars } = parityCase
  const config = readJson(join(folder, 'transformer/config.json'))
  const transformer = LtxTransformer.load(scope, config, readWeights(join(folder, 'transformer')), transformerOptions(scope, precision))
  const sizes = latentSizes(folder, scalars)
  const recorded = [...outputs.keys()].filter((name) => name.startsWith('latents.'))
  const steps = Number(scalars['num_inference_steps'] ?? recorded.length)
  const schedule = scheduleOf(parityCase, steps, sizes)
  const guidance = Number(scalars['guidance'] ?? scalars['guidance_scale'] ?? 1)
  const rescale = Number(scalars['guidance_rescale'] ?? 0)

  const batch = need(parityCase, 'latents').shape[0] as number
  const clips = new Map<string, HostTensor[]>()
  const append = (name: string, tensor: HostTensor) => clips.set(name, [...(clips.get(name) ?? []), tensor])
  for (let clip = 0; clip < batch; clip++) {
    const prepare = (embeds: string, mask: string) => {
      const { values, shape } = clipOf(need(parityCase, embeds), clip)
      const keptTokens = inputs.get(mask)
      return transformer.prepareText(scope, scope.upload(values, shape, 'f32'), keptTokens && Uint32Array.from(clipOf(keptTokens, clip).values))
    }
    const { tokens, rope, strengths, appended } = await startOf(scope, parityCase, precision, transformer, sizes, clip)
    if (outputs.has('start')) append('start', referenceOrder(tokens, appended))
    const loop = denoise(new AbortController().signal, scope, {
      transformer,
      noise: scope.upload(tokens.values, tokens.shape, 'f32'),
      positions: rope,
      text: prepare('prompt_embeds', 'prompt_attention_mask'),
      ...(guidance > 1 && { negative: prepare('negative_prompt_embeds', 'negative_prompt_attention_mask') }),
      guidance,
      rescale,
      ...(strengths && { strengths }),
      ...schedule,
    })
    const first = outputs.has('latents.0') ? 0 : 1
    for await (const { step, latent } of loop) {
      const values = await scope.gpu.read(latent)
      const name = `latents.${step - 1 + first}`
      const dropped = (outputs.get(name)?.shape[1] ?? 0) === tokens.shape[1] ? 0 : appended
      append(name, referenceOrder({ shape: tokens.shape, values }, appended, dropped))
    }
  }
  return new Map([...clips].map(([name, own]) => [name, batchOf(own)]))
}

/** LTXPipeline's linspace sigmas, shifted; LTXConditionPipeline's linear-quadratic times; or the case's own times. */
function scheduleOf({ className, folder, scalars }: ParityCase, steps: number, { frames, height, width }: LatentSizes): Schedule {
  const scheduler = readJson(join(folder, 'scheduler/config.json'))
  const given = scalars['timesteps']
  if (Array.isArray(given)) return setTimesteps(scheduler, { timesteps: given as number[] })
  if (className === 'LTXConditionPipeline') {
    return setTimesteps(scheduler, { timesteps: linearQuadraticSigmas(steps).map((sigma) => Math.fround(sigma) * 1000) })
  }
  return setTimesteps(scheduler, { steps, sigmas: linspaceSigmas(steps), mu: shiftForTokens(scheduler, frames * height * width) })
}

async function startOf(
  scope: Scope,
  parityCase: ParityCase,
  precision: Precision,
  transformer: LtxTransformer,
  sizes: LatentSizes,
  clip: number,
): Promise<Start> {
  if (parityCase.className === 'LTXConditionPipeline') {
    const { tokens, coordinates, strengths, appended } = await conditionedStart(scope, parityCase, precision, sizes, clip)
    return { tokens, rope: transformer.prepareCoordinates(scope, coordinates), strengths, appended }
  }
  const { frames, height, width, time, space, fps } = sizes
  const rope = transformer.prepareGrid(scope, { frames, height, width, scale: [time / fps, space, space] })
  return { tokens: gridFirst(clipOf(need(parityCase, 'latents'), clip), 0), rope, appended: 0 }
}
