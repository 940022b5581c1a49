// The starter's autoencoder, from its folder.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { weightSource } from '../../workers/models/weight-source'
import { openSafetensors } from '../../workers/weights/safetensors'
import { root } from '../../scripts/process.mjs'
import type { StarterAutoencoder } from './decoder-rows'

export function readStarterAutoencoder(): StarterAutoencoder {
  const file = (name: string) => readFileSync(join(root, 'public/models/starter/vae', name))
  return {
    config: JSON.parse(file('config.json').toString('utf8')) as unknown,
    weights: weightSource(openSafetensors(new Uint8Array(file('diffusion_pytorch_model.safetensors')))),
  }
}
