// The flags of `npm run evaluate`, read and checked before anything starts.
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { UsageError } from '../../scripts/generate-flags'

function number(min: number, max: number, form: RegExp, what: string) {
  const message = `expected ${what} from ${min} to ${max}`
  return v.optional(v.pipe(v.string(), v.regex(form, message), v.transform(Number), v.minValue(min, message), v.maxValue(max, message)))
}

const whole = (min: number, max: number) => number(min, max, /^\d+$/, 'a whole number')
const path = (what: string) => v.optional(v.pipe(v.string(), v.minLength(1, `expected ${what}`)))

const FlagsSchema = v.object({
  prompts: path('a file of one JSON object a line'),
  model: path('a model folder'),
  /** folder of probe.onnx, probe.json and reference.json */
  probe: path('a folder'),
  steps: whole(1, 1000),
  guidance: number(1, 100, /^\d+(\.\d+)?$/, 'a number'),
  limit: whole(1, 1_000_000),
  /** prompts that the ways into a clip are measured with; 0: they are not */
  modes: whole(0, 1_000_000),
  /** prompts that the first-block cache is measured with, and nothing else is */
  'first-block-cache': whole(1, 1_000_000),
  'seed-base': whole(0, 0xffffffff),
  precision: v.optional(v.picklist(['f32', 'f16'], 'expected f32 or f16')),
  out: path('a folder'),
  curve: v.optional(v.boolean(), false),
  json: v.optional(v.boolean(), false),
  /** save the figures of the modes, or of the first-block cache, in tests/evaluate/results, and rewrite the tables there */
  save: v.optional(v.boolean(), false),
})

/** What was asked for; what was left out is the model's default, or the adapter's. */
export type EvaluateFlags = v.InferOutput<typeof FlagsSchema>

const string = { type: 'string' } as const
const boolean = { type: 'boolean' } as const

/** Reads the flags. @throws UsageError one line: the flag, what was expected and what came. Pure. */
export function parseEvaluateFlags(argv: readonly string[]): EvaluateFlags {
  let values: Record<string, unknown>
  try {
    values = parseArgs({
      args: [...argv],
      strict: true,
      allowPositionals: false,
      options: {
        prompts: string,
        model: string,
        probe: string,
        steps: string,
        guidance: string,
        limit: string,
        modes: string,
        'first-block-cache': string,
        'seed-base': string,
        precision: string,
        out: string,
        curve: boolean,
        json: boolean,
        save: boolean,
      },
    }).values
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    throw new UsageError(message.split('\n')[0]!.replace(/\. (To specify|This command).*$/, ''))
  }
  const parsed = v.safeParse(FlagsSchema, values)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  const flag = v.getDotPath(issue) ?? 'flag'
  throw new UsageError(`--${flag}: ${issue.message}, got ${JSON.stringify(values[flag])}`)
}
