// What a clip begins with besides words, as the form of the create view knows it.
import * as v from 'valibot'
import type { GenerateRequest } from '../shared/request'

const id = v.pipe(v.string(), v.minLength(1))
const strength = v.pipe(v.number(), v.minValue(0), v.maxValue(1))

/** See {@link Beginning}. */
export const BeginningSchema = v.variant('kind', [
  /** a picture that is the first frame; `id` of an asset */
  v.object({ kind: v.literal('picture'), id, name: v.string(), strength }),
  /** a clip of the library that is gone on from, or led to; its words */
  v.object({ kind: v.literal('extend'), id, name: v.string(), backward: v.boolean() }),
  /** a clip of the library whose end is led back to its beginning */
  v.object({ kind: v.literal('loop'), id, name: v.string() }),
  /** a clip of the library made anew with other words; `strength`: how much may change */
  v.object({ kind: v.literal('remix'), id, name: v.string(), strength }),
])

/** A picture or clip that the next clip is made from. */
export type Beginning = v.InferOutput<typeof BeginningSchema>

/** A remix that changes what is seen and keeps where it is. */
export const REMIX_STRENGTH = 0.6

/** What a beginning adds to a request. Pure. */
export function beginningRequest(beginning: Beginning | null): Partial<GenerateRequest> {
  if (!beginning) return {}
  const source = { kind: 'clip', id: beginning.id } as const
  switch (beginning.kind) {
    case 'picture':
      return { conditions: [{ source: { kind: 'image', id: beginning.id }, atFrame: 0, strength: beginning.strength }] }
    case 'extend':
      return beginning.backward ? { after: { source } } : { before: { source } }
    case 'loop':
      return { before: { source }, loop: true }
    case 'remix':
      return { start: { source, strength: beginning.strength } }
  }
}

/** The beginning of a request that was made before; null where it had none that the form knows. Pure. */
export function beginningOf({ prompt, conditions, before, after, loop, start }: GenerateRequest): Beginning | null {
  const [first] = conditions ?? []
  if (start?.source.kind === 'clip') return { kind: 'remix', id: start.source.id, name: prompt, strength: start.strength }
  if (before?.source.kind === 'clip') return loop ? { kind: 'loop', id: before.source.id, name: prompt } : { kind: 'extend', id: before.source.id, name: prompt, backward: false }
  if (after?.source.kind === 'clip') return { kind: 'extend', id: after.source.id, name: prompt, backward: true }
  if (first?.source.kind === 'image' && first.atFrame === 0) return { kind: 'picture', id: first.source.id, name: 'Picture', strength: first.strength }
  return null
}
