// What is scored: the attributes of a clip, and the bars of a world.
import bars from './bars.json'

/** The attributes of a clip, in the order of every table. */
export const ATTRIBUTES = ['sky', 'land', 'weather', 'subject', 'colour', 'motion', 'camera', 'style'] as const

export type Attribute = (typeof ATTRIBUTES)[number]

/** One value an attribute; an attribute that is left out is not scored. */
export type Attributes = Partial<Record<Attribute, string>>

/** Worlds by name: `core` is what two CPU cores learn, `wide` what a GPU does. */
export const WORLDS = ['core', 'wide'] as const

export type World = (typeof WORLDS)[number]

/** The least score, as a share of the probe's own score on renders of the same prompts. training/card.py reads the same file. */
export const BARS: Record<World, Record<Attribute, number>> = bars

/** Image to video: the least share of clips that set off evenly, and of what can be read in a render's last frame that can be in the clip's. */
export const IMAGE_BARS: Record<World, number> = { core: 0.7, wide: 0.9 }

/** A probe that reads renders worse than this does not judge: its row is shown and does not count. */
export const PROBE_BAR = 0.97

/** Frames of the engine and of PyTorch, with equal weights and noise, agree at least so well. */
export const AGREEMENT_DB = 35

/** Steps of the step-to-quality curve. */
export const CURVE_STEPS = [1, 2, 4, 8, 20] as const
