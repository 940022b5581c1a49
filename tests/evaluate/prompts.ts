// Prompts with known attributes: one JSON object a line.
import * as v from 'valibot'
import { UsageError } from '../../scripts/generate-flags'
import { ATTRIBUTES, type Attribute, type Attributes } from './world'

/** One line of a prompts file. */
export interface EvaluationPrompt {
  prompt: string
  attributes: Attributes
  /** u32 */
  seed: number
  /** its scene has a pair of attributes that training never sees */
  heldOut: boolean
}

/** The values that a probe tells apart, an attribute. */
export type Classes = Record<Attribute, readonly string[]>

const SEED = 'expected a whole number from 0 to 4294967295'
const word = v.string('expected a word')

const seedSchema = v.pipe(v.number(SEED), v.integer(SEED), v.minValue(0, SEED), v.maxValue(0xffffffff, SEED))
const attributesSchema = v.strictObject(
  Object.fromEntries(ATTRIBUTES.map((name) => [name, v.optional(word)])) as Record<Attribute, v.OptionalSchema<typeof word, undefined>>,
  `expected an object of ${ATTRIBUTES.join(', ')}`,
)
const LineSchema = v.strictObject(
  {
    prompt: v.string('expected words'),
    attributes: attributesSchema,
    seed: v.optional(seedSchema),
    heldOut: v.optional(v.boolean('expected true or false'), false),
  },
  'expected prompt and attributes, and at most seed and heldOut',
)

/**
 * Reads a prompts file; empty lines are passed over.
 * @param file its name, for messages
 * @param seedBase with it, the seeds are seedBase + index; without, a line that has no seed gets its index
 * @throws UsageError naming the line
 */
export function parsePrompts(text: string, file: string, classes: Classes, seedBase?: number): EvaluationPrompt[] {
  const prompts: EvaluationPrompt[] = []
  text.split('\n').forEach((line, index) => {
    if (!line.trim()) return
    const where = `${file}, line ${index + 1}`
    const { prompt, attributes, seed, heldOut } = parseLine(line, where)
    for (const name of ATTRIBUTES) {
      const value = attributes[name]
      if (value === undefined || value === 'none' || classes[name].includes(value)) continue
      throw new UsageError(`${where}: attributes.${name}: expected one of ${classes[name].join(', ')}, got ${JSON.stringify(value)}.`)
    }
    const ownSeed = seedBase === undefined ? (seed ?? prompts.length) : (seedBase + prompts.length) % 2 ** 32
    prompts.push({ prompt, attributes: attributes as Attributes, seed: ownSeed, heldOut })
  })
  if (prompts.length === 0) throw new UsageError(`${file} has no prompts: expected one JSON object a line.`)
  return prompts
}

function parseLine(line: string, where: string): v.InferOutput<typeof LineSchema> {
  let data: unknown
  try {
    data = JSON.parse(line)
  } catch {
    throw new UsageError(`${where}: expected a JSON object, got ${JSON.stringify(line.trim().slice(0, 60))}.`)
  }
  const parsed = v.safeParse(LineSchema, data)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  const field = v.getDotPath(issue)
  throw new UsageError(`${where}: ${field ? `${field}: ` : ''}${issue.message}.`)
}

/** What makes two prompts the same clip, given the same model and settings. */
export function promptKey({ prompt, seed }: Pick<EvaluationPrompt, 'prompt' | 'seed'>): string {
  return JSON.stringify([prompt, seed])
}
