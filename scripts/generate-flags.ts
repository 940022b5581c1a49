// The flags of `npm run generate`, read and checked before anything starts.
import { parseArgs } from 'node:util'
import * as v from 'valibot'

/** A wrong flag or value; its message is one clear line. */
export class UsageError extends Error {}

function whole(min: number, max: number) {
  const message = `expected a whole number from ${min} to ${max}`
  return v.optional(v.pipe(v.string(), v.regex(/^\d+$/, message), v.transform(Number), v.minValue(min, message), v.maxValue(max, message)))
}

function decimal(min: number, max: number) {
  const message = `expected a number from ${min} to ${max}`
  return v.optional(v.pipe(v.string(), v.regex(/^\d+(\.\d+)?$/, message), v.transform(Number), v.minValue(min, message), v.maxValue(max, message)))
}

const file = (what: string) => v.optional(v.pipe(v.string(), v.minLength(1, `expected ${what}`)))

/** Ways into a clip. Where --mode is left out, the other flags say which. */
export const MODES = ['text', 'image', 'extend', 'fill', 'blend', 'loop', 'remix', 'retime', 'storyboard'] as const

const FlagsSchema = v.object({
  prompt: v.string(),
  negative: v.optional(v.string()),
  seed: whole(0, 0xffffffff),
  width: whole(1, 16384),
  height: whole(1, 16384),
  frames: whole(1, 100_000),
  fps: decimal(1, 120),
  steps: whole(1, 1000),
  guidance: decimal(1, 100),
  cache: decimal(0, 1),
  out: v.pipe(v.string(), v.regex(/\.(webm|png)$/, 'expected a file that ends in .webm, or in .png for a still')),
  model: file('a folder, an address, the name of a model that ships with the page, or download:<video>?encoder=<encoder>'),
  mirror: file('the address of a mirror'),
  'accept-licence': v.optional(v.boolean(), false),
  json: v.optional(v.boolean(), false),
  precision: v.optional(v.picklist(['f32', 'f16'], 'expected f32 or f16')),
  weights: v.optional(v.picklist(['i8', 'i4'], 'expected i8 or i4')),
  autotune: v.optional(v.boolean(), false),
  profile: file('a folder'),
  noise: file('a safetensors file'),
  embeds: file('a safetensors file'),
  'save-latents': file('a file'),
  mode: v.optional(v.picklist(MODES, `expected ${MODES.join(', ')}`)),
  image: file('a picture'),
  first: file('a picture or video'),
  last: file('a picture or video'),
  keyframe: v.optional(v.array(v.pipe(v.string(), v.regex(/^\d+(\.\d+)?=.+$/, 'expected SECONDS=FILE')))),
  'condition-strength': decimal(0, 1),
  extend: file('a video'),
  seconds: decimal(0.1, 60),
  backward: v.optional(v.boolean(), false),
  remix: file('a video'),
  retime: file('a video'),
  strength: decimal(0, 1),
  loop: v.optional(v.boolean(), false),
  storyboard: file('a JSON file'),
  variations: whole(1, 16),
})

/** What was asked for; what was left out is the model's default. Sizes in pixels, fps in pictures per second. */
export type GenerateFlags = v.InferOutput<typeof FlagsSchema>

const string = { type: 'string' } as const
const boolean = { type: 'boolean' } as const

/** Reads the flags; throws UsageError naming the flag, what was expected and what came. Pure. */
export function parseFlags(argv: readonly string[]): GenerateFlags {
  let values: Record<string, unknown>
  try {
    values = parseArgs({
      args: bindNegativeNumbers(argv),
      strict: true,
      allowPositionals: false,
      options: {
        prompt: string, negative: string, seed: string, width: string, height: string, frames: string, fps: string, steps: string,
        guidance: string, cache: string, out: string, model: string, json: boolean, precision: string, weights: string, autotune: boolean, profile: string, noise: string,
        mode: string, image: string, first: string, last: string, keyframe: { type: 'string', multiple: true }, 'condition-strength': string,
        extend: string, seconds: string, backward: boolean, remix: string, retime: string, strength: string, loop: boolean, storyboard: string, variations: string,
        embeds: string, 'save-latents': string, mirror: string, 'accept-licence': boolean,
      },
    }).values
  } catch (error) {
    throw new UsageError(firstSentence(error instanceof Error ? error.message : String(error)))
  }
  if (values['storyboard'] !== undefined) values['prompt'] ??= '' // its cards have their words, and the file those that all share
  const parsed = v.safeParse(FlagsSchema, values)
  if (parsed.success) return requireKind(parsed.output)
  const issue = parsed.issues[0]
  const flag = v.getDotPath(issue) ?? 'flag'
  if (values[flag] === undefined) throw new UsageError(`--${flag} is missing: ${flag === 'out' ? '--out clip.webm' : '--prompt "a red sky at sunset"'}`)
  throw new UsageError(`--${flag}: ${issue.message}, got ${JSON.stringify(values[flag])}`)
}

/** A clip of one frame is a picture. @throws UsageError */
function requireKind(flags: GenerateFlags): GenerateFlags {
  const still = flags.frames === 1
  if (still === flags.out.endsWith('.png')) return flags
  throw new UsageError(still ? `--out: expected a file that ends in .png for --frames 1, got "${flags.out}"` : `--out: expected a file that ends in .webm, or --frames 1 for a still, got "${flags.out}"`)
}

/** `--seed -1` names the value -1 and no flag: bound with =, so that the message speaks of the seed. */
function bindNegativeNumbers(argv: readonly string[]): string[] {
  const bound: string[] = []
  for (const word of argv) {
    const last = bound.at(-1)
    if (/^-\d/.test(word) && last?.startsWith('--') && !last.includes('=')) bound[bound.length - 1] = `${last}=${word}`
    else bound.push(word)
  }
  return bound
}

/** Node's messages go on to explain how to pass such words as positionals, which are not taken here. */
function firstSentence(message: string): string {
  return message.split('\n')[0]!.replace(/\. (To specify|This command).*$/, '')
}
