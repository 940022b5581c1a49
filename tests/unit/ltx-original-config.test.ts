import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { planLtxAutoencoder, parseLtxAutoencoderConfig } from '../../workers/models/ltx/autoencoder-config'
import { parseLtxOriginalConfig } from '../../workers/models/ltx/original-config'

const TRANSFORMER = {
  _class_name: 'Transformer3DModel',
  num_attention_heads: 32,
  attention_head_dim: 64,
  num_layers: 28,
  in_channels: 128,
  out_channels: 128,
  cross_attention_dim: 2048,
  caption_channels: 4096,
  qk_norm: 'rms_norm',
  positional_embedding_type: 'rope',
  norm_eps: 1e-6,
}
const SCHEDULER = { _class_name: 'RectifiedFlowScheduler', shifting: 'SD3', target_shift_terminal: 0.1, base_resolution: null }
const VAE = {
  _class_name: 'CausalVideoAutoencoder',
  dims: 3,
  latent_channels: 128,
  patch_size: 4,
  norm_layer: 'pixel_norm',
  use_quant_conv: false,
  latent_log_var: 'uniform',
}
const FIRST_BLOCKS = [
  ['res_x', 4],
  ['compress_all', 1],
  ['res_x_y', 1],
  ['res_x', 3],
  ['compress_all', 1],
  ['res_x_y', 1],
  ['res_x', 3],
  ['compress_all', 1],
  ['res_x', 3],
  ['res_x', 4],
]
const up = ['compress_all', { residual: true, multiplier: 2 }]

const parse = (vae: object, more: object = {}) =>
  parseLtxOriginalConfig(JSON.stringify({ transformer: TRANSFORMER, scheduler: SCHEDULER, vae: { ...VAE, ...vae }, ...more }), 'ltx.safetensors')

function refusal(run: () => unknown): string {
  try {
    run()
  } catch (error) {
    if (error instanceof AppError) return `${error.code}: ${error.message}`
    throw error
  }
  return 'accepted'
}

// Expected are the configs that diffusers ships for these releases (convert_ltx_to_diffusers.py).
describe('the autoencoder of', () => {
  test('0.9.0 has one list for both directions', () => {
    const { autoencoder } = parse({ blocks: FIRST_BLOCKS })
    expect(autoencoder).toMatchObject({
      block_out_channels: [128, 256, 512, 512],
      layers_per_block: [4, 3, 3, 3, 4],
      spatio_temporal_scaling: [true, true, true, false],
      down_block_types: Array(4).fill('LTXVideoDownBlock3D'),
      decoder_block_out_channels: [128, 256, 512, 512],
      decoder_layers_per_block: [4, 3, 3, 3, 4],
      decoder_spatio_temporal_scaling: [true, true, true, false],
      decoder_inject_noise: Array(5).fill(false),
      upsample_residual: Array(4).fill(false),
      upsample_factor: [1, 1, 1, 1],
      timestep_conditioning: false,
    })
    // the released config has these sizes as the defaults of its schema
    expect(planLtxAutoencoder(parseLtxAutoencoderConfig(autoencoder))).toEqual(planLtxAutoencoder(parseLtxAutoencoderConfig({})))
  })

  test('0.9.1 has a decoder with timesteps and noise', () => {
    const res = (num_layers: number, inject_noise: boolean) => ['res_x', { num_layers, inject_noise }]
    const { autoencoder } = parse({
      encoder_blocks: FIRST_BLOCKS,
      decoder_blocks: [res(5, true), up, res(6, true), up, res(7, true), up, res(8, false)],
      timestep_conditioning: true,
    })
    expect(autoencoder).toMatchObject({
      decoder_block_out_channels: [256, 512, 1024],
      decoder_layers_per_block: [5, 6, 7, 8],
      decoder_spatio_temporal_scaling: [true, true, true],
      decoder_inject_noise: [true, true, true, false],
      upsample_residual: [true, true, true],
      upsample_factor: [2, 2, 2],
      timestep_conditioning: true,
    })
  })

  test('0.9.5 downsamples space, time and both separately', () => {
    const { autoencoder } = parse({
      encoder_blocks: [
        ['res_x', { num_layers: 4 }],
        ['compress_space_res', { multiplier: 2 }],
        ['res_x', { num_layers: 6 }],
        ['compress_time_res', { multiplier: 2 }],
        ['res_x', { num_layers: 6 }],
        ['compress_all_res', { multiplier: 2 }],
        ['res_x', { num_layers: 2 }],
        ['compress_all_res', { multiplier: 2 }],
        ['res_x', { num_layers: 2 }],
      ],
      decoder_blocks: [['res_x', { num_layers: 5 }], up, ['res_x', { num_layers: 5 }], up, ['res_x', { num_layers: 5 }], up, ['res_x', { num_layers: 5 }]],
      timestep_conditioning: true,
      spatial_padding_mode: 'zeros',
    })
    expect(autoencoder).toMatchObject({
      block_out_channels: [128, 256, 512, 1024, 2048],
      down_block_types: Array(4).fill('LTXVideo095DownBlock3D'),
      layers_per_block: [4, 6, 6, 2, 2],
      spatio_temporal_scaling: [true, true, true, true],
      downsample_type: ['spatial', 'temporal', 'spatiotemporal', 'spatiotemporal'],
      decoder_block_out_channels: [256, 512, 1024],
      decoder_layers_per_block: [5, 5, 5, 5],
      decoder_inject_noise: Array(4).fill(false),
    })
  })
})

test('returns the shift and terminal of the scheduler, and the sigmas of distilled models', () => {
  const plain = parse({ blocks: FIRST_BLOCKS })
  expect(plain.scheduler).toMatchObject({
    use_dynamic_shifting: true,
    base_shift: 0.95,
    max_shift: 2.05,
    base_image_seq_len: 1024,
    max_image_seq_len: 4096,
    shift_terminal: 0.1,
  })
  expect([plain.sampler, plain.allowedSigmas]).toEqual(['Uniform', undefined])
  const steps = [1, 0.9937, 0.9875, 0.9812, 0.975, 0.9094, 0.725]
  const distilled = parse(
    { blocks: FIRST_BLOCKS },
    { allowed_inference_steps: steps, scheduler: { _class_name: 'RectifiedFlowScheduler', sampler: 'LinearQuadratic' } },
  )
  expect(distilled.allowedSigmas).toEqual(steps)
  expect(distilled.sampler).toBe('LinearQuadratic')
  expect(distilled.scheduler).not.toHaveProperty('use_dynamic_shifting')
})

test.each([
  ['text that is not JSON', '{', 'it is not JSON'],
  [
    'another model',
    JSON.stringify({ transformer: { ...TRANSFORMER, _class_name: 'FluxTransformer2DModel' }, vae: {}, scheduler: SCHEDULER }),
    'transformer._class_name',
  ],
])('refuses %s', (_, text, reason) => {
  expect(refusal(() => parseLtxOriginalConfig(text, 'x.safetensors'))).toMatch(
    new RegExp(`^weights-corrupt: x\\.safetensors holds a config that Kinora cannot run: .*${reason}`),
  )
})

test.each([
  [
    'an attention block',
    {
      blocks: [
        ['res_x', 1],
        ['attn_res_x', { num_layers: 1 }],
      ],
    },
    'attn_res_x',
  ],
  ['reflected borders', { blocks: FIRST_BLOCKS, spatial_padding_mode: 'reflect' }, 'spatial_padding_mode'],
  [
    'a list that begins with a step',
    {
      blocks: [
        ['compress_all', 1],
        ['res_x', 1],
      ],
    },
    '1 runs of res_x around 1 steps',
  ],
  ['no list', {}, 'neither blocks nor'],
  ['another norm', { blocks: FIRST_BLOCKS, norm_layer: 'group_norm' }, 'norm_layer'],
])('refuses an autoencoder with %s', (_, vae, reason) => {
  expect(refusal(() => parse(vae))).toContain(reason)
})
