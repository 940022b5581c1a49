// probe.json: what the probe is and how well it reads renders.
import * as v from 'valibot'
import { readJsonInput } from './read-input'
import type { Classes } from './prompts'
import { ATTRIBUTES, WORLDS, type Attribute } from './world'

/** Where both files of the probe come from. */
export const PROBE_HINT = 'training/probe.py makes it'

const share = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
const attribute = v.object({
  /** in the order of the logits */
  classes: v.pipe(v.array(v.string()), v.minLength(1)),
  /** share of renders, never trained on, that it reads rightly */
  accuracy: share,
})

/** The schema of probe.json. */
export const ProbeFactsSchema = v.pipe(
  v.object({
    schemaVersion: v.literal(1),
    world: v.picklist(WORLDS),
    attributes: v.object(Object.fromEntries(ATTRIBUTES.map((name) => [name, attribute])) as Record<Attribute, typeof attribute>),
    /** of held-out renders; the covariance is the unbiased one, D × D */
    features: v.object({ count: v.number(), mean: v.array(v.number()), covariance: v.array(v.array(v.number())) }),
  }),
  v.check(
    ({ features: { mean, covariance } }) => covariance.length === mean.length && covariance.every((row) => row.length === mean.length),
    'features.covariance: expected as many rows and columns as features.mean has values',
  ),
)

export type ProbeFacts = v.InferOutput<typeof ProbeFactsSchema>

/** @throws UsageError when it is missing or not readable */
export function readProbeFacts(file: string): ProbeFacts {
  return readJsonInput(file, ProbeFactsSchema, PROBE_HINT)
}

/** The classes an attribute, in the order of the logits. */
export function classesOf({ attributes }: ProbeFacts): Classes {
  return Object.fromEntries(ATTRIBUTES.map((name) => [name, attributes[name].classes])) as unknown as Classes
}
