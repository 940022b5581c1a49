import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readEmbeds, readNoise, saveLatents } from '../../scripts/tensor-files'
import { writeSafetensors } from '../../workers/weights/safetensors'
import type { TensorToWrite } from '../../workers/weights/safetensors'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kinora-tensors-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

function write(name: string, tensors: Record<string, TensorToWrite>): string {
  const file = join(folder, name)
  writeFileSync(file, writeSafetensors(tensors))
  return file
}

const count = (length: number) => Float32Array.from({ length }, (_, index) => index + 0.5)
const floats = (base64: string) => [...new Float32Array(Uint8Array.from(Buffer.from(base64, 'base64')).buffer)]

test('reads saved latents as noise', () => {
  const file = join(folder, 'latents.safetensors')
  const shape = [2, 3, 1, 2]
  saveLatents(file, Buffer.from(count(12).buffer).toString('base64'), shape)
  expect(floats(readNoise(file, shape))).toEqual([...count(12)])
  expect(() => readNoise(file, [2, 3, 2, 1])).toThrow('--noise: expected [2, 3, 2, 1], got [2, 3, 1, 2]')
})

test('reads noise with a batch of one, under its own name', () => {
  const file = write('noise.safetensors', { noise: { dtype: 'F32', shape: [1, 1, 1, 1, 2], values: count(2) } })
  expect(floats(readNoise(file, [1, 1, 1, 2]))).toEqual([0.5, 1.5])
})

test('drops the rows of embeds that their mask excludes', () => {
  const file = write('embeds.safetensors', {
    prompt_embeds: { dtype: 'F32', shape: [1, 3, 2], values: count(6) },
    prompt_attention_mask: { dtype: 'I64', shape: [1, 3], values: BigInt64Array.of(1n, 0n, 1n) },
    negative_prompt_embeds: { dtype: 'F32', shape: [1, 2], values: count(2) },
  })
  const { prompt, negative, width } = readEmbeds(file)
  expect(width).toBe(2)
  expect(floats(prompt)).toEqual([0.5, 1.5, 4.5, 5.5])
  expect(floats(negative ?? '')).toEqual([0.5, 1.5])
})

test('rejects a file without the tensor, and lists its tensors', () => {
  const file = write('other.safetensors', { something: { dtype: 'F32', shape: [1], values: count(1) } })
  expect(() => readEmbeds(file)).toThrow('--embeds: expected a tensor prompt_embeds')
  expect(() => readEmbeds(file)).toThrow('got something')
  expect(() => readNoise(join(folder, 'nowhere'), [1])).toThrow('--noise: ENOENT')
})
