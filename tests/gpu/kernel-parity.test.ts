// Models agree with diffusers whichever kernels of their menus attention and linear layers take; the usual ones are in every other test.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Gpu } from '../../workers/engine/device'
import { kernelVariants } from '../../workers/engine/kernel'
import { KernelSelector } from '../../workers/engine/kernel-selector'
import { runCase, type Precision } from '../parity/run-case'
import { poisoned, testGpu } from './open-gpu'

const CASES = ['ltx_transformer_coords', 't5_encoder']

/** Kernels that are preferred, by kind of adapter, and what a record then has; what some work has not in its menu is done by the next. */
const PREFERRED: { software: boolean; kernels: string[]; used: string[]; precisions: Precision[] }[] = [
  { software: false, kernels: ['tile64', 'tiled'], used: ['linear_tile64', 'RESIDENT=false WG=64'], precisions: ['f32', 'q8', 'q4'] },
  { software: false, kernels: ['tile128', 'tiled_128', 'tiled_resident_q'], used: ['linear_tile128', 'RESIDENT=false WG=128'], precisions: ['f32', 'f16', 'q4'] },
  { software: true, kernels: ['no_smem', 'tiled_resident_q'], used: ['linear_direct', 'RESIDENT=true WG=64'], precisions: ['f32'] },
  { software: true, kernels: ['int8_dp4a'], used: ['linear_dot', 'norm_codes'], precisions: ['q8', 'q4'] },
]

const device = await testGpu()

describe.each(PREFERRED)('$kernels', ({ software, kernels, used, precisions }) => {
  test.each(precisions.filter((precision) => precision !== 'f16' || device.facts.f16))('in %s', async (precision) => {
    const gpu = poisoned(new Gpu(device.device, { ...device.facts, software }))
    gpu.choices = new KernelSelector(kernels)
    for (const name of CASES) {
      const { status, error, reason, limit } = await runCase(gpu, join('tests/parity', name), precision)
      expect(status, `${name}: ${error} of ${limit} ${reason ?? ''}`).toBe('pass')
    }
    const record = JSON.stringify(kernelVariants(gpu.queue.used))
    for (const kernel of used) expect(record, 'it was really used').toContain(kernel)
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})
