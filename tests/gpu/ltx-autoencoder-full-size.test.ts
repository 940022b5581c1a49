// The released autoencoder at full size, without its weights: recording acquires every buffer and executes nothing.
import { expect, test } from 'vitest'
import type { Gpu } from '../../workers/engine/device'
import { Scope } from '../../workers/engine/scope'
import { dim, type FloatDType, type Tensor } from '../../workers/engine/tensor'
import type { Pass, Residual } from '../../workers/models/ltx/autoencoder-block'
import { planLtxAutoencoder } from '../../workers/models/ltx/autoencoder-config'
import { LTX_2B_AUTOENCODER } from '../../workers/models/ltx/released-shape'
import { decoderSizes, encoderSizes } from '../../workers/models/ltx/autoencoder-sizes'
import { runUnits, type StreamUnit } from '../../workers/models/ltx/autoencoder-stream'
import { decoderUnits, encoderUnits } from '../../workers/models/ltx/autoencoder-units'
import type { Decoder, Encoder } from '../../workers/models/ltx/autoencoder-weights'
import { planTiles } from '../../workers/models/tile-plan'
import type { ConvWeight } from '../../workers/ops/conv'
import { testGpu } from './open-gpu'

const MIB = 2 ** 20
/** The pool rounds sizes up by at most an eighth. */
const POOL_STEP = 1.125

/** A convolution of this size without weights. */
function emptyConv(scope: Scope, out: number, inputs: number, dtype: FloatDType): ConvWeight {
  const nothing = scope.alloc([1])
  return { out, in: inputs, kernel: [3, 3, 3], shards: [{ from: 0, out, data: nothing }], bias: nothing, dtype }
}

function blocks(scope: Scope, count: number, channels: number, dtype: FloatDType): Residual[] {
  const conv = () => emptyConv(scope, channels, channels, dtype)
  return Array.from({ length: count }, () => ({ name: '', conv1: conv(), conv2: conv() }))
}

function emptyDecoder(scope: Scope, dtype: FloatDType): Decoder {
  const plan = planLtxAutoencoder(LTX_2B_AUTOENCODER).decoder
  return {
    convIn: emptyConv(scope, plan.first, LTX_2B_AUTOENCODER.latent_channels, dtype),
    middle: { residuals: blocks(scope, plan.middle, plan.first, dtype) },
    stages: plan.stages.map((stage) => ({
      plan: stage,
      residuals: blocks(scope, stage.layers, stage.channels, dtype),
      ...(stage.up && { up: emptyConv(scope, (stage.up.in * 8) / stage.up.factor, stage.up.in, dtype) }),
    })),
    convOut: emptyConv(scope, 48, plan.last, dtype),
  }
}

function emptyEncoder(scope: Scope, dtype: FloatDType): Encoder {
  const plan = planLtxAutoencoder(LTX_2B_AUTOENCODER).encoder
  return {
    convIn: emptyConv(scope, plan.first, 48, dtype),
    stages: plan.stages.map((stage) => {
      if (stage.down?.kind !== 'fold') throw new Error('Expected stages that fold.')
      const [time, space] = stage.down.steps
      return {
        plan: stage,
        residuals: blocks(scope, stage.layers, stage.channels, dtype),
        down: emptyConv(scope, stage.down.out / (time * space ** 2), stage.channels, dtype),
      }
    }),
    middle: blocks(scope, plan.middle, plan.last, dtype),
    toMean: emptyConv(scope, LTX_2B_AUTOENCODER.latent_channels, plan.last, dtype),
    toLogVariance: emptyConv(scope, 1, plan.last, dtype),
  }
}

/** Records inputs through the units: the number of frames, the largest buffer and the peak memory, in bytes. */
function recordUnits(
  gpu: Gpu,
  scope: Scope,
  units: readonly StreamUnit[],
  count: number,
  input: () => Tensor,
): { frames: number; largest: number; peak: number } {
  const poison = gpu.pool.onAcquire
  let largest = 0
  let frames = 0
  gpu.queue.recording = new Set()
  gpu.pool.onAcquire = ({ size }) => (largest = Math.max(largest, size))
  gpu.pool.resetPeak()
  const before = gpu.pool.liveBytes
  try {
    for (let index = 0; index < count; index++) {
      for (const group of runUnits(scope, units, input(), index === count - 1)) {
        frames += dim(group.frames, 0)
        scope.free(group.frames)
      }
    }
  } finally {
    gpu.queue.recording = undefined
    gpu.pool.onAcquire = poison
  }
  return { frames, largest, peak: gpu.pool.peakBytes - before }
}

const TILING = { overlap: 4, margin: 1 }

test.each([
  { width: 1216, height: 704, frames: 121 },
  { width: 768, height: 512, frames: 257 },
])('decodes $frames frames of $width × $height with no tensor over 128 MiB and within the planned memory', async ({ width, height, frames }) => {
  const gpu = await testGpu()
  const grid = { width: width / 32, height: height / 32 }
  const plan = planTiles(decoderSizes(LTX_2B_AUTOENCODER), grid, TILING)
  const scope = new Scope(gpu)
  try {
    const pass: Pass = { dtype: 'f32', time: 'both' }
    const units = decoderUnits({ memory: scope, pass }, emptyDecoder(scope, 'f32'), LTX_2B_AUTOENCODER, plan.atOnce, { blocks: [] })
    const result = recordUnits(gpu, scope, units, (frames - 1) / 8 + 1, () => scope.alloc([1, grid.height, grid.width, LTX_2B_AUTOENCODER.latent_channels]))
    expect(result.frames).toBe(frames)
    expect(result.largest).toBeLessThanOrEqual(Math.min(128 * MIB, plan.largestBytes * POOL_STEP))
    expect(result.peak).toBeLessThan(POOL_STEP * plan.heldBytes + 6 * plan.largestBytes)
  } finally {
    scope.close()
    gpu.pool.drain()
  }
  expect(gpu.pool.liveBuffers).toBe(0)
})

test('encodes 97 frames of 704 × 480 with no tensor over 128 MiB', async () => {
  const gpu = await testGpu()
  const plan = planTiles(encoderSizes(LTX_2B_AUTOENCODER), { height: 15, width: 22 }, TILING)
  const scope = new Scope(gpu)
  try {
    const { units } = encoderUnits({ memory: scope, pass: { dtype: 'f32', time: 'causal' } }, emptyEncoder(scope, 'f32'), LTX_2B_AUTOENCODER, plan.atOnce)
    const result = recordUnits(gpu, scope, units, 97, () => scope.alloc([1, 480, 704, 3]))
    expect(result.frames).toBe(13)
    expect(result.largest).toBeLessThanOrEqual(Math.min(128 * MIB, plan.largestBytes * POOL_STEP))
    expect(result.peak).toBeLessThan(POOL_STEP * plan.heldBytes + 6 * plan.largestBytes)
  } finally {
    scope.close()
    gpu.pool.drain()
  }
  expect(gpu.pool.liveBuffers).toBe(0)
})
