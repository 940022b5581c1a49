// The flags of `npm run bench`, read and checked before anything starts.
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { UsageError } from '../../scripts/generate-flags'

const FlagsSchema = v.object({
  /** rows with this in their name */
  only: v.optional(v.pipe(v.string(), v.minLength(1, 'expected a part of a name'))),
  /** turns of each row */
  pairs: v.optional(v.pipe(v.string(), v.regex(/^[1-9]\d{0,3}$/, 'expected a whole number from 1 to 9999'), v.transform(Number))),
  /** of activations; f16 where the adapter has it, when left out */
  precision: v.optional(v.picklist(['f32', 'f16'], 'expected f32 or f16')),
  json: v.optional(v.boolean(), false),
  /** keep the result in tests/bench/results, and write the table of tests/bench/README.md anew */
  save: v.optional(v.boolean(), false),
})
export type BenchFlags = v.InferOutput<typeof FlagsSchema>

/** @throws UsageError one line: the flag, what was expected and what came. Pure. */
export function parseBenchFlags(argv: readonly string[]): BenchFlags {
  const string = { type: 'string' } as const
  const boolean = { type: 'boolean' } as const
  let values: Record<string, unknown>
  try {
    values = parseArgs({ args: [...argv], strict: true, allowPositionals: false, options: { only: string, pairs: string, precision: string, json: boolean, save: boolean } }).values
  } catch (error) {
    throw new UsageError((error instanceof Error ? error.message : String(error)).split('\n')[0] as string)
  }
  const parsed = v.safeParse(FlagsSchema, values)
  if (parsed.success) return parsed.output
  const issue = parsed.issues[0]
  const flag = v.getDotPath(issue) ?? 'flag'
  throw new UsageError(`--${flag}: ${issue.message}, got ${JSON.stringify(values[flag])}`)
}
