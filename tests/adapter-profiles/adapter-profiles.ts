// Limited versions of this machine's adapter for tests, one per process. Results must not depend on them.
import type { Withheld } from '../../workers/engine/device'
import type { Precision } from '../parity/read-case'

export interface AdapterProfile {
  name: string
  /** vector width in bits, 32 per lane of a subgroup; only for Mesa's software driver, where it can be set */
  vectorBits?: 128 | 256 | 512
  /** features that the device is opened without */
  without: readonly Withheld[]
  /** parity cases that depend on the missing features, with their precisions; the full adapter runs all cases in the gpu project */
  parity: readonly { cases: readonly string[]; precisions: readonly Precision[] }[]
}

/** Each kernel of a clip once: another vector width recompiles every kernel, in up to half a minute each. */
const OF_A_CLIP = ['ltx_transformer_coords', 'kinora_autoencoder_encode', 'kinora_autoencoder_decode', 'ltx_autoencoder_095_decode']
const CONVOLUTIONS = ['kinora_autoencoder_encode', 'kinora_autoencoder_decode', 'ltx_autoencoder_090_decode', 'ltx_autoencoder_095_encode']
const ATTENTIONS = ['ltx_transformer_coords', 'ltx_transformer_tokens', 'ltx_pipeline_denoise', 't5_encoder', 't5_encoder_wide_head']

export const ADAPTER_PROFILES: readonly AdapterProfile[] = [
  { name: 'subgroups of 4', vectorBits: 128, without: [], parity: [] },
  { name: 'subgroups of 8', vectorBits: 256, without: [], parity: [{ cases: [...OF_A_CLIP, 't5_encoder'], precisions: ['f32'] }] },
  { name: 'subgroups of 16', vectorBits: 512, without: [], parity: [{ cases: OF_A_CLIP, precisions: ['f32'] }] },
  { name: 'no subgroups', without: ['subgroups'], parity: [{ cases: CONVOLUTIONS, precisions: ['f32', 'f16'] }] },
  { name: 'no shader-f16', without: ['shader-f16'], parity: [{ cases: ATTENTIONS, precisions: ['f32', 'q8', 'q4'] }] },
  { name: 'default limits', without: ['limits'], parity: [{ cases: ATTENTIONS, precisions: ['f32', 'f16'] }] },
  {
    name: 'the least of all',
    without: ['shader-f16', 'subgroups', 'timestamp-query', 'limits'],
    parity: [
      { cases: ATTENTIONS, precisions: ['f32', 'q8', 'q4'] },
      { cases: CONVOLUTIONS, precisions: ['f32'] },
    ],
  },
]

/** Whether the vector width is that of all other tests, whose compiled kernels are cached. */
export const usualVectors = ({ vectorBits = 128 }: Pick<AdapterProfile, 'vectorBits'>): boolean => vectorBits === 128

/** The environment variable with the name of the process's profile. */
export const PROFILE_VARIABLE = 'KINORA_ADAPTER_PROFILE'

/** The profile of this process, if one is requested. @throws Error if there is none of that name */
export function requestedProfile(): AdapterProfile | undefined {
  const name = process.env[PROFILE_VARIABLE]
  if (name === undefined) return undefined
  const profile = ADAPTER_PROFILES.find((one) => one.name === name)
  if (!profile) throw new Error(`${PROFILE_VARIABLE}: expected one of ${ADAPTER_PROFILES.map((one) => one.name).join(', ')}, got ${name}.`)
  return profile
}
