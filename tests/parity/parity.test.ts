// Every committed case on our kernels, and proof that the comparison can fail.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gpu } from '../../workers/engine/device'
import { testGpu } from '../gpu/open-gpu'
import { findCases, readCase } from './read-case'
import { compare, describeResult, runCase, type Precision } from './run-case'

const folders = findCases('tests/parity')
const isTransformer = (folder: string) => readCase(folder).className === 'LTXVideoTransformer3DModel'

let gpu: Gpu
beforeAll(async () => {
  gpu = await testGpu()
})

describe('parity with the references', () => {
  it('has cases of every class', () => {
    const classes = new Set(folders.map((folder) => readCase(folder).className))
    expect([...classes].sort()).toEqual([
      'AutoencoderKLLTXVideo', 'FlowMatchEulerDiscreteScheduler', 'KinoraAutoencoder', 'LTXPipeline', 'LTXVideoTransformer3DModel',
    ])
  })

  const runs = folders.flatMap((folder): [string, Precision][] => {
    const precisions: Precision[] = isTransformer(folder) ? ['f32', 'f16', 'q8', 'q4'] : ['f32', 'f16']
    return precisions.map((precision) => [folder, precision])
  })
  it.each(runs)('%s %s', async (folder, precision) => {
    const live = gpu.pool.liveBuffers
    const result = await runCase(gpu, folder, precision)
    expect(result.status, describeResult(result)).toBe('pass') // 'not run' is a failure here
    expect(gpu.pool.liveBuffers).toBe(live)
  })
})

describe('compare', () => {
  const tensor = (values: number[], shape = [values.length]) => new Map([['sample', { shape, values: Float32Array.from(values) }]])

  it.each([
    ['the same', [3, 4], 'pass'],
    ['under the limit', [3, 4.0004], 'pass'],
    ['over the limit', [3, 4.001], 'fail'],
    ['NaN', [3, NaN], 'fail'],
    ['infinity', [Infinity, 4], 'fail'],
  ])('%s', (_, values, status) => expect(compare(tensor([3, 4]), tensor(values), 1e-4).status).toBe(status))

  it('fails on another shape, a missing output, and a case without outputs', () => {
    expect(compare(tensor([3, 4]), tensor([3, 4], [1, 2]), 1).status).toBe('fail')
    expect(compare(tensor([3, 4]), new Map(), 1).status).toBe('fail')
    expect(compare(new Map(), new Map(), 1).status).toBe('fail')
  })

  it('fails a real case whose recorded output is perturbed', () => {
    const { outputs } = readCase('tests/parity/ltx_transformer_tokens')
    const perturbed = new Map([...outputs].map(([name, { shape, values }]) => [name, { shape, values: values.map((value) => value * 1.001) }]))
    expect(compare(outputs, perturbed, 1e-4)).toMatchObject({ status: 'fail' })
  })
})

describe('npm run parity', () => {
  const empty = mkdtempSync(join(tmpdir(), 'no-cases-'))
  afterAll(() => rmSync(empty, { recursive: true }))
  const run = (...argv: string[]) => spawnSync(process.execPath, ['tests/commands/run.mjs', 'tests/commands/parity.ts', ...argv], { encoding: 'utf8' })

  it('exits 2 when there is no case', () => {
    const { status, stderr } = run(empty)
    expect(stderr).toContain('No parity case')
    expect(status).toBe(2)
  })

  it('exits 2 on an unknown precision', () => {
    const { status, stderr } = run('tests/parity', '--precision', 'f8')
    expect(stderr).toContain('got f8')
    expect(status).toBe(2)
  })

  it('prints one JSON document with --json', () => {
    const { status, stdout } = run('tests/parity/flow_match_dynamic', 'tests/parity/flow_match_plain', '--precision', 'f32', '--json')
    expect(JSON.parse(stdout)).toMatchObject([
      { name: 'flow_match_dynamic', precision: 'f32', status: 'pass' },
      { name: 'flow_match_plain', precision: 'f32', status: 'pass' },
    ])
    expect(status).toBe(0)
  })
})
