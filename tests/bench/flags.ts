// The flags of `npm run bench`.
import { parseArgs } from 'node:util'
import * as v from 'valibot'
import { UsageError } from '../../scripts/generate-flags'

const FlagsSchema = v.object({
  /** part of the names of rows */
  only: v.optional(v.pipe(v.string(), v.minLength(1, 'expected a part of a name'))),
  /** turns per row */
  pairs: v.optional(v.pipe(v.string(), v.regex(/^[1-9]\d{0,3}$/, 'expected a whole number from 1 to 9999'), v.transform(Number))),
  /** of activations; f16 by default where the adapter supports it */
  precision: v.optional(v.picklist(['f32', 'f16'], 'expected f32 or f16')),
  json: v.optional(v.boolean(), false),
  /** save the result in tests/bench/results, and rewrite the tables of tests/bench/README.md */
  save: v.optional(v.boolean(), false),
})
export type BenchFlags = v.InferOutput<typeof FlagsSchema>

/** @throws UsageError one line: flag, expected and actual value. Pure. */
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
