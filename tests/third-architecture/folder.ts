// The model folder of the third architecture, written to a temporary folder: a kinora.json and random weights.
import { createHash } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ModelManifest } from '../../src/shared/model'
import { writeSafetensors } from '../../workers/weights/safetensors'
import { randomValues } from '../gpu/reference'
import { SIZES } from './sizes'

const { channels, scaleSpace, scaleTime, patch, width, blocks, vocabulary, textWidth } = SIZES

/** Every matrix of the model, [out, in]. */
function shapes(): Record<string, [number, number]> {
  const tokenSize = channels * patch ** 2
  const all: Record<string, [number, number]> = {
    'words.weight': [vocabulary, textWidth],
    'tokens_in.weight': [width, tokenSize],
    'tokens_out.weight': [tokenSize, width],
    'text_in.weight': [width, textWidth],
    'time.weight': [width, 256],
    'decoder.weight': [3 * scaleTime * scaleSpace ** 2, channels],
  }
  for (let index = 0; index < blocks; index++) {
    for (const name of ['query', 'key', 'value', 'out']) all[`blocks.${index}.${name}.weight`] = [width, width]
    all[`blocks.${index}.feed_in.weight`] = [4 * width, width]
    all[`blocks.${index}.feed_out.weight`] = [width, 4 * width]
  }
  return all
}

/** Writes the folder. @param id of its kinora.json @returns its path */
export function writeTinyDit(id = 'tiny-dit'): string {
  const folder = mkdtempSync(join(tmpdir(), 'kinora-tiny-dit-'))
  const tensors = Object.entries(shapes()).map(([name, [out, inputs]], index) => {
    const values = randomValues(index + 1, out * inputs).map((value) => value / Math.sqrt(inputs))
    return [name, { dtype: 'F32' as const, shape: [out, inputs], values }]
  })
  const weights = writeSafetensors(Object.fromEntries(tensors))
  const manifest: ModelManifest = {
    schemaVersion: 1,
    id,
    name: 'Tiny DiT',
    version: 1,
    architecture: 'TinyDitPipeline',
    capabilities: { frameEncoder: false, perTokenTimesteps: false, guidance: false, negativePrompt: false, audio: false },
    licence: 'MIT',
    description: 'Random weights of a third architecture.',
    files: [{ path: 'weights.safetensors', bytes: weights.length, sha256: createHash('sha256').update(weights).digest('hex') }],
    sizes: [{ shape: '1:1', width: 64, height: 64 }],
    frames: { default: 9, allowed: [5, 9] },
    fps: { default: 8, allowed: [8] },
    steps: { default: 2, min: 1, max: 8 },
    guidance: { default: 1, min: 1, max: 1 },
    latent: { channels, scaleSpace, scaleTime, patch, patchTime: 1 },
    width,
    rope: { timeScale: 1, spaceScale: 1 },
    text: { maxTokens: 64, words: [] },
    knows: [],
    examples: ['a red balloon over a meadow'],
  }
  writeFileSync(join(folder, 'weights.safetensors'), weights)
  writeFileSync(join(folder, 'kinora.json'), JSON.stringify(manifest))
  return folder
}
