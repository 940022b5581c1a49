// LTXPipeline's denoise loop, one clip at a time, on the sampler that makes every clip.
import { join } from 'node:path'
import type { Scope } from '../../workers/engine/scope'
import { fallingSigmas, setTimesteps, shiftForTokens } from '../../workers/models/flow-match-scheduler'
import { LtxTransformer } from '../../workers/models/ltx-transformer'
import { parseLtxAutoencoderConfig } from '../../workers/models/ltx-autoencoder-config'
import { denoise } from '../../workers/pipeline/sampler'
import { need, readJson, readWeights, type HostTensor, type ParityCase } from './read-case'
import type { Outputs, Precision } from './run-case'
import { transformerOptions } from './run-transformer'

/** Latents after each step, `latents.<k>` with k from 0 or, where the case counts so, from 1. */
export async function runDenoise(scope: Scope, parityCase: ParityCase, precision: Precision): Promise<Outputs> {
  const { folder, inputs, scalars } = parityCase
  const config = readJson(join(folder, 'transformer/config.json'))
  const transformer = LtxTransformer.load(scope, config, readWeights(join(folder, 'transformer')), transformerOptions(scope, precision))
  const { height, width, frames, scale } = latentSizes(folder, scalars)
  const rope = transformer.prepareGrid(scope, { frames, height, width, scale })
  const recorded = parityCase.outputs.size // latents after each step
  const steps = Number(scalars['num_inference_steps'] ?? recorded)
  const scheduler = readJson(join(folder, 'scheduler/config.json'))
  const schedule = setTimesteps(scheduler, { steps, sigmas: fallingSigmas(steps), mu: shiftForTokens(scheduler, frames * height * width) })
  const guidance = Number(scalars['guidance'] ?? scalars['guidance_scale'] ?? 1)

  const start = need(parityCase, 'latents')
  const batch = start.shape[0] as number
  const results = Array.from({ length: steps }, (): HostTensor => ({ shape: start.shape, values: new Float32Array(start.values.length) }))
  for (let clip = 0; clip < batch; clip++) {
    const own = (name: string) => clipOf(need(parityCase, name), clip)
    const prepare = (embeds: string, mask: string) => {
      const { values, shape } = own(embeds)
      return transformer.prepareText(scope, scope.upload(values, shape, 'f32'), inputs.has(mask) ? Uint32Array.from(own(mask).values) : undefined)
    }
    const noise = own('latents')
    const loop = denoise(scope, {
      transformer,
      noise: scope.upload(noise.values, noise.shape, 'f32'),
      rope,
      text: prepare('prompt_embeds', 'prompt_attention_mask'),
      ...(guidance > 1 && { unconditional: prepare('negative_prompt_embeds', 'negative_prompt_attention_mask') }),
      guidance,
      ...schedule,
    })
    for (const { step, latent } of loop) results[step - 1]?.values.set(await scope.gpu.read(latent), clip * noise.values.length)
  }
  const first = parityCase.outputs.has('latents.0') ? 0 : 1
  return new Map(results.map((latents, step) => [`latents.${step + first}`, latents]))
}

/** Sizes of the clip's latent, and RoPE units (seconds, pixels, pixels) from one latent to the next. */
function latentSizes(folder: string, scalars: Record<string, unknown>) {
  const config = readJson(join(folder, 'vae/config.json'))
  const { patch_size, patch_size_t, spatio_temporal_scaling } = parseLtxAutoencoderConfig(config)
  const folds = 2 ** spatio_temporal_scaling.filter(Boolean).length
  const space = Number(config['spatial_compression_ratio'] ?? patch_size * folds)
  const time = Number(config['temporal_compression_ratio'] ?? patch_size_t * folds)
  return {
    frames: (Number(scalars['num_frames']) - 1) / time + 1,
    height: Number(scalars['height']) / space,
    width: Number(scalars['width']) / space,
    scale: [time / Number(scalars['frame_rate']), space, space] as const,
  }
}

function clipOf({ shape, values }: HostTensor, clip: number): HostTensor {
  const [batch = 1, ...rest] = shape
  const each = values.length / batch
  return { shape: [1, ...rest], values: values.slice(clip * each, (clip + 1) * each) }
}
