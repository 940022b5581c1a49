// The safetensors files that `npm run generate` takes and writes, under the names that diffusers' pipelines use.
import { readFileSync, writeFileSync } from 'node:fs'
import type { AutomationOptions } from '../src/rpc/automation'
import { elementsOf, floatsOf, openSafetensors, writeSafetensors } from '../workers/weights/safetensors'
import type { Safetensors, StoredTensor } from '../workers/weights/safetensors'
import { UsageError } from './generate-flags'

interface Floats {
  /** row-major */
  values: Float32Array<ArrayBuffer>
  shape: number[]
}

/** Noise f32 [C, F', H', W'] in base64, from the tensor `latents` or `noise`; a batch of one is taken off. */
export function readNoise(file: string, shape: readonly number[]): string {
  const tensors = open(file, '--noise')
  const noise = read(tensors, file, '--noise', ['latents', 'noise'], shape.length)
  if (noise.shape.join() !== shape.join()) throw new UsageError(`--noise: expected [${shape.join(', ')}], got [${noise.shape.join(', ')}] in ${file}`)
  return floatsToBase64(noise.values)
}

/** Embeddings f32 [L, E] in base64 from `prompt_embeds` and `negative_prompt_embeds`; rows that their masks leave out are dropped. */
export function readEmbeds(file: string): NonNullable<AutomationOptions['embeds']> {
  const tensors = open(file, '--embeds')
  const prompt = unmasked(tensors, file, 'prompt')
  const negative = tensors.has('negative_prompt_embeds') ? unmasked(tensors, file, 'negative_prompt') : undefined
  return { prompt: floatsToBase64(prompt.values), ...(negative && { negative: floatsToBase64(negative.values) }), width: prompt.shape[1] ?? 0 }
}

/** Writes latents f32 [C, F', H', W'] as the tensor `latents`. */
export function saveLatents(file: string, base64: string, shape: readonly number[]): void {
  const bytes = Uint8Array.from(Buffer.from(base64, 'base64'))
  writeFileSync(file, writeSafetensors({ latents: { dtype: 'F32', shape: [...shape], values: new Float32Array(bytes.buffer) } }))
}

function unmasked(tensors: Safetensors, file: string, prefix: string): Floats {
  const embeds = read(tensors, file, '--embeds', [`${prefix}_embeds`], 2)
  if (!tensors.has(`${prefix}_attention_mask`)) return embeds
  const mask = maskOf(tensors.tensor(`${prefix}_attention_mask`))
  const [rows = 0, width = 0] = embeds.shape
  if (mask.length !== rows) throw new UsageError(`--embeds: expected a mask of ${rows} in ${file}, got ${mask.length}`)
  const kept = [...mask.keys()].filter((row) => mask[row])
  const values = new Float32Array(kept.length * width)
  kept.forEach((row, index) => values.set(embeds.values.subarray(row * width, (row + 1) * width), index * width))
  return { values, shape: [kept.length, width] }
}

/** Masks come as integers or as floats: true where a row counts. */
function maskOf(tensor: StoredTensor): boolean[] {
  const { dtype } = tensor
  if (dtype === 'I64') return [...elementsOf(tensor, 'I64')].map((value) => value !== 0n)
  if (dtype === 'I32' || dtype === 'U8' || dtype === 'I8') return [...elementsOf(tensor, dtype)].map((value) => value !== 0)
  return [...floatsOf(tensor)].map((value) => value !== 0)
}

/** The first of `names` that is there, with `rank` axes after a batch of one. */
function read(tensors: Safetensors, file: string, flag: string, names: readonly string[], rank: number): Floats {
  const name = names.find((candidate) => tensors.has(candidate))
  if (name === undefined) throw new UsageError(`${flag}: expected a tensor ${names.join(' or ')} in ${file}, got ${tensors.names.join(', ') || 'none'}`)
  const tensor = tensors.tensor(name)
  const shape = tensor.shape.length === rank + 1 && tensor.shape[0] === 1 ? tensor.shape.slice(1) : [...tensor.shape]
  if (shape.length !== rank) throw new UsageError(`${flag}: expected ${rank} axes in ${name} of ${file}, got [${tensor.shape.join(', ')}]`)
  return { values: floatsOf(tensor), shape }
}

function open(file: string, flag: string): Safetensors {
  try {
    return openSafetensors(new Uint8Array(readFileSync(file)), file)
  } catch (error) {
    throw new UsageError(`${flag}: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  }
}

/** Little-endian f32, as the page takes it. */
export function floatsToBase64(values: Float32Array): string {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')
}
