// 10 000 headers of each format, mutated with a fixed seed: each is read consistently or rejected, in bounded time.
import { expect, test } from 'vitest'
import { AppError } from '../../src/shared/errors'
import { checkpointKind } from '../../workers/models/checkpoint-kind'
import type { ByteSource } from '../../workers/weights/byte-source'
import { openGgufHeader } from '../../workers/models/open-gguf'
import { writeSafetensors } from '../../workers/weights/safetensors'
import { DTYPE_BYTES } from '../../workers/weights/safetensors-header'
import { readSafetensorsHeader } from '../../workers/weights/safetensors-table'
import { randomSource } from '../gpu/reference'
import { mutate } from './mutate'
import { array, ggufOf, key, tensor, text, u32, u64 } from './write-gguf'

const COUNT = 10_000
/** Maximum milliseconds for one header; 0.1 is typical. */
const MAX_MS = 2000
const never = new AbortController().signal
const sourceOf = (bytes: Uint8Array<ArrayBuffer>): ByteSource => ({
  name: 'x.file',
  bytes: bytes.length,
  read: (_, start, end) => Promise.resolve(bytes.slice(start, end)),
})

const safetensors = writeSafetensors(
  {
    'model.diffusion_model.patchify_proj.weight': { dtype: 'BF16', shape: [4, 2], values: new Uint16Array(8) },
    'vae.per_channel_statistics.channel': { dtype: 'F32', shape: [3], values: new Float32Array(3) },
    'encoder.block.0.layer.0.SelfAttention.q.weight': { dtype: 'F8_E4M3', shape: [2, 2], values: new Uint8Array(4) },
    empty: { dtype: 'I8', shape: [0, 5], values: new Int8Array(0) },
  },
  { config: '{"transformer":{"num_layers":28}}', format: 'pt' },
)
const gguf = ggufOf({
  keys: [
    key('general.architecture', 8, text('t5encoder')),
    key('general.alignment', 4, u32(32)),
    array('tokenizer.ggml.tokens', 8, 2, [...text('a'), ...text('bc')]),
    array('tokenizer.ggml.scores', 6, 2, new Array<number>(8).fill(0)),
    key('t5encoder.block_count', 10, u64(24)),
  ],
  tensors: [tensor('enc.blk.0.attn_q.weight', [32, 2], 8, 0), tensor('enc.blk.0.attn_norm.weight', [4], 0, 96), tensor('token_embd.weight', [256, 2], 12, 128)],
  dataBytes: 128 + 2 * 144,
})

const safetensorsHeaderEnd = 8 + Number(new DataView(safetensors.buffer).getBigUint64(0, true))

/** Reads every mutation. @returns how many were accepted */
async function readAll(file: Uint8Array, headerEnd: number, seed: number, read: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>): Promise<number> {
  const next = randomSource(seed)
  let accepted = 0
  let longest = 0
  for (let i = 0; i < COUNT; i++) {
    const bytes = mutate(file, headerEnd, next)
    const began = performance.now()
    try {
      await read(bytes)
      accepted++
    } catch (error) {
      const refused = error instanceof AppError && error.code === 'weights-corrupt' && error.message.includes('x.file')
      if (!refused) throw new Error(`mutation ${i}: ${String(error)}`, { cause: error })
    }
    longest = Math.max(longest, performance.now() - began)
  }
  expect(longest).toBeLessThan(MAX_MS)
  return accepted
}

test('reads or rejects every mutated safetensors header', async () => {
  const accepted = await readAll(safetensors, safetensorsHeaderEnd, 5, async (bytes) => {
    const { tensors, unreadable } = await readSafetensorsHeader(never, sourceOf(bytes))
    let data = [...unreadable.values()].reduce((sum, { start, end }) => sum + end - start, 0)
    for (const { dtype, shape, start, end } of tensors.values()) {
      if (end - start !== shape.reduce((product, size) => product * size, DTYPE_BYTES[dtype]) || end > bytes.length) throw new Error('inconsistent header')
      data += end - start
    }
    if (data !== bytes.length - 8 - Number(new DataView(bytes.buffer).getBigUint64(0, true))) throw new Error('unowned bytes')
    checkpointKind(tensors, 'x.file') // mostly rejects such a file, too
  })
  // most are damaged
  expect(accepted).toBeLessThan(COUNT / 10)
}, 60_000)

test('reads or rejects every mutated GGUF header', async () => {
  const accepted = await readAll(gguf, gguf.length - 128 - 288, 6, async (bytes) => {
    const { tensors } = await openGgufHeader(never, sourceOf(bytes))
    const ordered = [...tensors.values()].sort((a, b) => a.start - b.start)
    ordered.forEach(({ start, end }, i) => {
      if (end > bytes.length || end <= start || start < (ordered[i - 1]?.end ?? 0)) throw new Error('inconsistent header')
    })
  })
  expect(accepted).toBeGreaterThan(100) // changed names and metadata values are not detectable
}, 60_000)
