// The probe: a small classifier on whole clips, through ONNX Runtime.
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { UsageError } from '../../scripts/generate-flags'
import type { Clip } from './clip'
import { probeInput, PROBE_FRAMES, PROBE_SIDE } from './preprocess'
import { PROBE_HINT, type ProbeFacts } from './probe-facts'
import { readInput } from './read-input'
import { ATTRIBUTES, type Attribute } from './world'

/** What the probe reads in a clip. */
export interface Reading {
  /** the most likely class of each attribute */
  attributes: Record<Attribute, string>
  /** f32 [D] */
  features: Float32Array
}

export interface Probe {
  read(clip: Clip): Promise<Reading>
  close(): Promise<void>
}

/**
 * Opens probe.onnx: input `clip`, f32 [B, 3, 9, 64, 64]; outputs one f32 [B, classes] an attribute, and `features`, f32 [B, D].
 * @throws UsageError when the file is missing or is no such probe
 */
export async function openProbe(file: string, facts: ProbeFacts): Promise<Probe> {
  const bytes = readInput(file, PROBE_HINT)
  const session = await InferenceSession.create(bytes).catch((error: unknown) => {
    throw new UsageError(`${file} does not load (${error instanceof Error ? error.message.split('\n')[0] : String(error)}): ${PROBE_HINT}.`)
  })
  for (const name of [...ATTRIBUTES, 'features']) {
    if (!session.outputNames.includes(name)) throw new UsageError(`${file} has no output ${name}: ${PROBE_HINT}.`)
  }
  if (session.inputNames.length !== 1 || session.inputNames[0] !== 'clip') {
    throw new UsageError(`${file}: expected one input, clip, got ${session.inputNames.join(', ')}.`)
  }
  return {
    async read(clip) {
      const input = new Tensor('float32', probeInput(clip), [1, 3, PROBE_FRAMES, PROBE_SIDE, PROBE_SIDE])
      const outputs = await session.run({ clip: input })
      const values = (name: string, length: number) => {
        const data = outputs[name]?.data
        if (data instanceof Float32Array && data.length === length) return data
        throw new UsageError(`${file}: output ${name}: expected ${length} floats a clip, as probe.json says, got ${data?.length ?? 0}.`)
      }
      const attributes = Object.fromEntries(
        ATTRIBUTES.map((name) => {
          const { classes } = facts.attributes[name]
          return [name, classes[indexOfLargest(values(name, classes.length))]]
        }),
      ) as Record<Attribute, string>
      return { attributes, features: values('features', facts.features.mean.length).slice() }
    },
    close: () => session.release(),
  }
}

function indexOfLargest(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > values[best]! ? index : best), 0)
}
