// What a clip is made from, as the form of the create view knows it: a mode, and the fields of every mode, which stay when another is chosen.
import * as v from 'valibot'
import { REMIX_STRENGTH, RETIME_STRENGTH } from '../shared/modes'
import { CropSchema, JOINS, MediaRefSchema } from '../shared/request'

/** Ways into a clip, in the order in which they are offered. */
export const MODES = ['words', 'picture', 'keyframes', 'extend', 'fill', 'blend', 'loop', 'remix', 'retime', 'storyboard'] as const

/** See {@link MODES}. */
export type Mode = (typeof MODES)[number]

/** Modes that one clip is enough to begin with. */
export type ClipMode = Exclude<Mode, 'words' | 'picture' | 'keyframes' | 'storyboard'>

/** Pictures of one clip: the first, the last, and those between them. */
export const MOST_BETWEEN = 3
/** Cards of one storyboard, as a request takes them. */
export const MOST_CARDS = 60
/** Of a card that is added. */
const CARD_SECONDS = 2

const GivenSchema = v.object({
  ...MediaRefSchema.entries,
  /** of the file, or the words of a clip */
  name: v.string(),
  /** how long a clip or video is, once that is known */
  seconds: v.optional(v.number()),
  /** of a picture: what of it is shown, where that is not its middle */
  crop: v.optional(CropSchema),
})

/** A picture, video or clip that a person has given to the form. */
export type Given = v.InferOutput<typeof GivenSchema>

const given = v.nullable(GivenSchema)
const strength = v.pipe(v.number(), v.minValue(0), v.maxValue(1))
/** null while the field is empty */
const typedSeconds = v.nullable(v.number())

const PictureSchema = v.object({ picture: given, strength })
const BetweenSchema = v.object({ key: v.string(), ...PictureSchema.entries, seconds: typedSeconds })
const CardSchema = v.object({ key: v.string(), prompt: v.string(), seconds: typedSeconds, join: v.picklist(JOINS), beginning: v.optional(given, null) })
const PairSchema = v.object({ before: given, after: given })

/** See {@link MadeFrom}. */
export const MadeFromSchema = v.object({
  mode: v.picklist(MODES),
  picture: PictureSchema,
  keyframes: v.object({ first: PictureSchema, between: v.array(BetweenSchema), last: PictureSchema }),
  extend: v.object({ clip: given, backward: v.boolean() }),
  fill: PairSchema,
  blend: PairSchema,
  /** without a clip, a new one goes round */
  loop: v.object({ clip: given }),
  remix: v.object({ clip: given, strength }),
  retime: v.object({ clip: given, strength }),
  storyboard: v.object({ sameSeed: v.boolean(), cards: v.array(CardSchema) }),
})

/** A mode and its fields. */
export type MadeFrom = v.InferOutput<typeof MadeFromSchema>

/** A picture that the clip passes through at a time. */
export type Between = v.InferOutput<typeof BetweenSchema>

/** A shot of a storyboard. */
export type Card = v.InferOutput<typeof CardSchema>

/** Words alone, and nothing given for any other mode. */
export function fromWords(): MadeFrom {
  return {
    mode: 'words',
    picture: { picture: null, strength: 1 },
    keyframes: { first: { picture: null, strength: 1 }, between: [], last: { picture: null, strength: 1 } },
    extend: { clip: null, backward: false },
    fill: { before: null, after: null },
    blend: { before: null, after: null },
    loop: { clip: null },
    remix: { clip: null, strength: REMIX_STRENGTH },
    retime: { clip: null, strength: RETIME_STRENGTH },
    storyboard: { sameSeed: false, cards: [newCard('cut'), newCard('cut')] },
  }
}

/** An empty shot. */
export function newCard(join: Card['join']): Card {
  return { key: crypto.randomUUID(), prompt: '', seconds: CARD_SECONDS, join, beginning: null }
}

/** Puts a picture or clip where its mode has a place for one, the first of them, and chooses the mode. */
export function give(madeFrom: MadeFrom, mode: ClipMode | 'picture', given: Given): void {
  madeFrom.mode = mode
  if (mode === 'picture') madeFrom.picture = { picture: given, strength: 1 }
  else if (mode === 'fill' || mode === 'blend') madeFrom[mode] = { before: given, after: null }
  else madeFrom[mode].clip = given
}
