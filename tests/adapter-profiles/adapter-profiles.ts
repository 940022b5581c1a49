// The forms that the tests give this machine's adapter, one a process. Numbers do not depend on them.
import type { Withheld } from '../../workers/engine/device'
import type { Precision } from '../parity/run-case'

export interface AdapterProfile {
  name: string
  /** only of Mesa's software driver, whose vectors can be set: bits of one, 32 for each lane of a subgroup */
  vectorBits?: 128 | 256 | 512
  /** what the device is opened without */
  without: readonly Withheld[]
  /** parity cases that go through what this form changes, and how they are computed; the usual form runs them all in a stage of its own */
  parity: readonly { cases: readonly string[]; precisions: readonly Precision[] }[]
}

/** The kernels of a clip once each: for vectors of another width all are compiled anew, for the widest up to half a minute each. */
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
    parity: [{ cases: ATTENTIONS, precisions: ['f32', 'q8', 'q4'] }, { cases: CONVOLUTIONS, precisions: ['f32'] }],
  },
]

/** Compiled for the vectors that every other test has: what differs is few kernels. */
export const usualVectors = ({ vectorBits = 128 }: Pick<AdapterProfile, 'vectorBits'>): boolean => vectorBits === 128

/** What a process is told its form by. */
export const PROFILE_VARIABLE = 'KINORA_ADAPTER_PROFILE'

/** The form that this process is to have, if it is told of one. @throws Error where it is told of no known one */
export function requestedProfile(): AdapterProfile | undefined {
  const name = process.env[PROFILE_VARIABLE]
  if (name === undefined) return undefined
  const form = ADAPTER_PROFILES.find((known) => known.name === name)
  if (!form) throw new Error(`${PROFILE_VARIABLE}: expected one of ${ADAPTER_PROFILES.map((known) => known.name).join(', ')}, got ${name}.`)
  return form
}
