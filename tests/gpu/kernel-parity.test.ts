// Parity with diffusers for all variants of attention and linear layers. Other tests use the fixed table's.
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Gpu } from '../../workers/engine/device'
import { kernelVariants } from '../../workers/engine/kernel'
import { KernelSelector } from '../../workers/engine/kernel-selector'
import { runCase } from '../parity/run-case'
import type { Precision } from '../parity/read-case'
import { poisoned, testGpu } from './open-gpu'

const CASES = ['ltx_transformer_coords', 't5_encoder']

/** Preferred variants by kind of adapter, and substrings of the record. Work that lacks a variant uses the next. */
const PREFERRED: { software: boolean; variants: string[]; used: string[]; precisions: Precision[] }[] = [
  { software: false, variants: ['tile64', 'tiled'], used: ['linear_tile64', 'RESIDENT=false WG=64'], precisions: ['f32', 'q8', 'q4'] },
  {
    software: false,
    variants: ['tile128', 'tiled_128', 'tiled_resident_q'],
    used: ['linear_tile128', 'RESIDENT=false WG=128'],
    precisions: ['f32', 'f16', 'q4'],
  },
  { software: true, variants: ['tiled_resident_q', 'no_smem'], used: ['linear_no_smem', 'RESIDENT=true WG=64'], precisions: ['f32'] },
  { software: true, variants: ['int8_dp4a'], used: ['linear_int8_dp4a', 'norm_int8'], precisions: ['q8', 'q4'] },
]

const device = await testGpu()

describe.each(PREFERRED)('$variants', ({ software, variants, used, precisions }) => {
  test.each(precisions.filter((precision) => precision !== 'f16' || device.facts.f16))('in %s', async (precision) => {
    const gpu = poisoned(new Gpu(device.device, { ...device.facts, software }))
    gpu.selector = new KernelSelector(variants)
    for (const name of CASES) {
      const { status, error, reason, limit } = await runCase(gpu, join('tests/parity', name), precision)
      expect(status, `${name}: ${error} of ${limit} ${reason ?? ''}`).toBe('pass')
    }
    const record = JSON.stringify(kernelVariants(gpu.queue.used))
    for (const kernel of used) expect(record, 'the kernel is used').toContain(kernel)
    expect(gpu.pool.liveBuffers).toBe(0)
  })
})
