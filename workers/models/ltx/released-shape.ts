// LTX-Video 2B as it was released, 0.9.5 to 0.9.8, for estimates before its files are here. Source: Lightricks/LTX-Video, the configs in its
// checkpoints' metadata.
import { parseLtxAutoencoderConfig } from './autoencoder-config'
import { decoderFlops } from './autoencoder-sizes'

/** Its autoencoder, as it was released with 0.9.5 to 0.9.8. */
export const LTX_2B_AUTOENCODER = parseLtxAutoencoderConfig({
  block_out_channels: [128, 256, 512, 1024, 2048],
  down_block_types: Array(4).fill('LTXVideo095DownBlock3D'),
  layers_per_block: [4, 6, 6, 2, 2],
  spatio_temporal_scaling: [true, true, true, true],
  downsample_type: ['spatial', 'temporal', 'spatiotemporal', 'spatiotemporal'],
  decoder_block_out_channels: [256, 512, 1024],
  decoder_layers_per_block: [5, 5, 5, 5],
  decoder_spatio_temporal_scaling: [true, true, true],
  decoder_inject_noise: [false, false, false, false],
  upsample_residual: [true, true, true],
  upsample_factor: [2, 2, 2],
  timestep_conditioning: true,
})

/** `format`: of the weights that it runs with by default. */
export const LTX_2B = {
  /** of LTXVideoTransformer3DModel */
  transformer: {
    in_channels: 128,
    out_channels: 128,
    patch_size: 1,
    patch_size_t: 1,
    num_attention_heads: 32,
    attention_head_dim: 64,
    cross_attention_dim: 2048,
    num_layers: 28,
    caption_channels: 4096,
    activation_fn: 'gelu-approximate',
    qk_norm: 'rms_norm_across_heads',
    norm_elementwise_affine: false,
    norm_eps: 1e-6,
    attention_bias: true,
    attention_out_bias: true,
  },
  format: 'i4',
  decoderFlops: decoderFlops(LTX_2B_AUTOENCODER),
} as const
