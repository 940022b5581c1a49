import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { weightSource } from '../../workers/models/weight-source'
import { BlobWeights } from '../../workers/weights/blob-weights'
import { blobSource } from '../../workers/weights/byte-source'
import { openSafetensors } from '../../workers/weights/safetensors'
import { readSafetensorsHeader } from '../../workers/weights/tensor-table'

const bytes = new Uint8Array(readFileSync(new URL('../parity/ltx_autoencoder_095_decode/weights.safetensors', import.meta.url)))
const header = await readSafetensorsHeader(new AbortController().signal, blobSource('x', new Blob([bytes])))
const weights = () => new BlobWeights(header, (start, end) => bytes.slice(start, end), 'vae.safetensors')

const same = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((value, i) => value === b[i])

describe('weights that are read where they lie', () => {
  test('are those of the file in memory, whole and by rows', () => {
    const inMemory = weightSource(openSafetensors(bytes))
    const found = weights()
    for (const name of header.tensors.keys()) {
      const expected = inMemory.get(name)
      expect(found.get(name).shape).toEqual(expected.shape)
      expect(same(found.get(name).values, expected.values)).toBe(true)
      const rows = expected.shape[0] ?? 1
      const first = Math.floor(rows / 3)
      expect(same(found.getRows(name, first, rows - first).values, expected.values.slice((expected.values.length / rows) * first))).toBe(true)
    }
  })

  test('are read by no more than what is asked for', () => {
    const found = weights()
    const [name, place] = [...header.tensors].sort((a, b) => b[1].end - b[1].start - (a[1].end - a[1].start))[0] ?? []
    if (name === undefined || place === undefined) throw new Error('expected a tensor')
    found.getRows(name, 0, 1)
    expect(found.longestRead).toBe((place.end - place.start) / (place.shape[0] ?? 1))
  })

  test('that are not there are refused by name', () => {
    expect(() => weights().get('none')).toThrow(AppError)
    expect(() => weights().get('none')).toThrow('vae.safetensors has no tensor none.')
    const [name = '', place] = [...header.tensors][0] ?? []
    const rows = place?.shape[0] ?? 1
    expect(() => weights().getRows(name, rows, 1)).toThrow(`rows ${rows} to ${rows + 1} of ${rows}`)
  })
})
