// Every committed case on our kernels, and proof that the comparison can fail.
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gpu } from '../../workers/engine/device'
import { openSafetensors, type Safetensors } from '../../workers/weights/safetensors'
import { floatTypes, testGpu } from '../gpu/open-gpu'
import { findCases, readCase } from './read-case'
import { compare, describeResult, runCase } from './run-case'
import type { Precision } from './read-case'

const folders = findCases('tests/parity')
const halves = (await floatTypes()).includes('f16')
const hasTransformer = (folder: string) =>
  ['LTXVideoTransformer3DModel', 'LTXPipeline', 'LTXConditionPipeline', 'T5EncoderModel'].includes(readCase(folder).className)

let gpu: Gpu
beforeAll(async () => {
  gpu = await testGpu()
})

describe('parity with the references', () => {
  it('has cases of every class', () => {
    const classes = new Set(folders.map((folder) => readCase(folder).className))
    expect([...classes].sort()).toEqual([
      'AutoencoderKLLTXVideo',
      'FlowMatchEulerDiscreteScheduler',
      'KinoraAutoencoder',
      'LTXConditionPipeline',
      'LTXPipeline',
      'LTXVideoTransformer3DModel',
      'T5EncoderModel',
    ])
  })

  it('compares loops after every step, and their start if there is conditioning', () => {
    const loops = folders.map((folder) => readCase(folder)).filter(({ call }) => call === 'denoise')
    expect(loops.length).toBeGreaterThan(4)
    for (const { className, outputs, scalars } of loops) {
      const steps = Array.from({ length: Number(scalars['num_inference_steps']) }, (_, step) => `latents.${step}`)
      expect([...outputs.keys()].sort()).toEqual(className === 'LTXConditionPipeline' ? [...steps, 'start'] : steps)
    }
  })

  const runs = folders.flatMap((folder): [string, Precision][] => {
    const precisions: Precision[] = hasTransformer(folder) ? ['f32', 'f16', 'q8', 'q4'] : ['f32', 'f16']
    return precisions.filter((precision) => precision !== 'f16' || halves).map((precision) => [folder, precision])
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
})

/** Copies a case and changes one of its files' tensors in place. */
function altered(into: string, name: string, file: string, change: (tensors: Safetensors) => void): string {
  const folder = join(into, name)
  cpSync(join('tests/parity', name), folder, { recursive: true })
  const bytes = new Uint8Array(readFileSync(join(folder, file)))
  change(openSafetensors(bytes)) // its tensors are views of the bytes
  writeFileSync(join(folder, file), bytes)
  return folder
}

describe('an altered case', () => {
  const folder = mkdtempSync(join(tmpdir(), 'altered-cases-'))
  afterAll(() => rmSync(folder, { recursive: true }))

  it.each(['attn1.to_out.0', 'attn2.to_out.0', 'ff.net.2'])('fails at every precision without %s', async (part) => {
    const without = altered(join(folder, part), 'ltx_transformer_tokens', 'weights.safetensors', (weights) => {
      for (const kind of ['weight', 'bias']) weights.tensor(`transformer_blocks.0.${part}.${kind}`).bytes.fill(0)
    })
    for (const precision of ['f32', 'q4'] as const) expect(await runCase(gpu, without, precision)).toMatchObject({ status: 'fail' })
  })

  it.each(['layer.0.SelfAttention.o', 'layer.0.SelfAttention.relative_attention_bias', 'layer.1.DenseReluDense.wo'])(
    'fails at every precision without %s',
    async (part) => {
      const without = altered(join(folder, part), 't5_encoder_wide_head', 'weights.safetensors', (weights) => {
        weights.tensor(`encoder.block.0.${part}.weight`).bytes.fill(0)
      })
      for (const precision of ['f32', 'q4'] as const) expect(await runCase(gpu, without, precision)).toMatchObject({ status: 'fail' })
    },
  )

  const conditioned = (into: string, change: (io: Safetensors) => void, scalars: Record<string, unknown> = {}) => {
    const copy = altered(join(folder, into), 'ltx_condition_keyframe', 'io.safetensors', change)
    const path = join(copy, 'case.json')
    const described = JSON.parse(readFileSync(path, 'utf8')) as { scalars: Record<string, unknown> }
    writeFileSync(path, JSON.stringify({ ...described, scalars: { ...described.scalars, ...scalars } }))
    return copy
  }
  it.each([
    ['another image', 'pixels', (io: Safetensors) => io.tensor('in.condition.1').bytes.fill(0), {}],
    ['other noise', 'noise', (io: Safetensors) => io.tensor('in.noise').bytes.fill(0), {}],
    ['another frame index', 'place', () => undefined, { frame_index: [0, 4] }],
    ['another strength', 'strength', () => undefined, { strength: [0.3, 1] }],
    ['another frame rate', 'rate', () => undefined, { frame_rate: 24 }],
    ['no rescale', 'rescale', () => undefined, { guidance_rescale: 0 }],
  ])('fails with %s', async (_, into, change, scalars) => {
    expect(await runCase(gpu, conditioned(into, change, scalars), 'f32')).toMatchObject({ status: 'fail' })
  })

  it('runs from recorded tokens if the noise is not recorded', async () => {
    const copy = conditioned('placed', () => undefined)
    const path = join(copy, 'io.safetensors')
    const bytes = readFileSync(path) // other names of the same length
    for (const [name, other] of [
      ['"in.noise"', '"no.noise"'],
      ['"out.start"', '"not.start"'],
    ] as const)
      bytes.write(other, bytes.indexOf(name))
    writeFileSync(path, bytes)
    expect(await runCase(gpu, copy, 'f32')).toMatchObject({ status: 'pass' })
  })

  it('fails if its recorded output differs', async () => {
    const perturbed = altered(folder, 'flow_match_plain', 'io.safetensors', (io) => io.tensor('out.sigmas').bytes.reverse())
    expect(await runCase(gpu, perturbed, 'f32')).toMatchObject({ status: 'fail' })
    const { status, stdout } = command(perturbed)
    expect(stdout).toContain('fail')
    expect(status).toBe(1)
  })

  it('fails if one of its files is missing', async () => {
    cpSync('tests/parity/flow_match_plain/case.json', join(folder, 'broken/case.json'))
    expect(await runCase(gpu, join(folder, 'broken'), 'f32')).toMatchObject({ status: 'fail' })
  })
})

const command = (...argv: string[]) => spawnSync(process.execPath, ['scripts/run.mjs', 'scripts/parity.ts', ...argv], { encoding: 'utf8' })

describe('npm run parity', () => {
  const empty = mkdtempSync(join(tmpdir(), 'no-cases-'))
  afterAll(() => rmSync(empty, { recursive: true }))

  it('exits 2 when there is no case', () => {
    const { status, stderr } = command(empty)
    expect(stderr).toContain('No parity case')
    expect(status).toBe(2)
  })

  it('exits 2 on an unknown precision', () => {
    const { status, stderr } = command('tests/parity', '--precision', 'f8')
    expect(stderr).toContain('got f8')
    expect(status).toBe(2)
  })

  it('prints one JSON document with --json', () => {
    const { status, stdout } = command('tests/parity/flow_match_dynamic', 'tests/parity/flow_match_plain', '--precision', 'f32', '--json')
    expect(JSON.parse(stdout)).toMatchObject([
      { name: 'flow_match_dynamic', precision: 'f32', status: 'pass' },
      { name: 'flow_match_plain', precision: 'f32', status: 'pass' },
    ])
    expect(status).toBe(0)
  })
})
