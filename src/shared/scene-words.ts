// Phrases of the captions that scene models are trained on. A model knows a part of them (`knows` and `text.words` of its manifest). The full
// grammar is in training/world/captions.py.

/** Skies: the name, and a phrase that ends a sentence. */
export const SKIES = [
  { name: 'a blue sky', when: 'under a blue sky' },
  { name: 'a sunny day', when: 'on a sunny day' },
  { name: 'sunset', when: 'at sunset' },
  { name: 'dusk', when: 'at dusk' },
  { name: 'dawn', when: 'at dawn' },
  { name: 'a starry night', when: 'on a starry night' },
  { name: 'the northern lights', when: 'under the northern lights' },
  { name: 'a moonlit night', when: 'on a moonlit night' },
  { name: 'a stormy sky', when: 'under a stormy sky' },
  { name: 'an overcast sky', when: 'under an overcast sky' },
] as const

/** Lands: the name, and the position of a subject on the ground or on water. */
export const LANDS = [
  { name: 'mountains', place: 'in front of mountains', water: false },
  { name: 'sand dunes', place: 'in front of sand dunes', water: false },
  { name: 'the ocean', place: 'on the ocean', water: true },
  { name: 'snowy hills', place: 'in snowy hills', water: false },
  { name: 'a meadow', place: 'in a meadow', water: false },
  { name: 'a forest', place: 'in a forest', water: false },
  { name: 'a city', place: 'in a city', water: false },
  { name: 'a lake', place: 'on a lake', water: true },
  { name: 'a canyon', place: 'in a canyon', water: false },
  { name: 'islands', place: 'near islands', water: true },
] as const

/** A subject with its habitat and its motions. */
export interface SceneSubject {
  name: string
  home: 'air' | 'ground' | 'water'
  /** phrases of the Motion theme */
  moves: readonly string[]
}

const sideways = (verb: string) => [`${verb} to the left`, `${verb} to the right`]

export const SUBJECTS: readonly SceneSubject[] = [
  { name: 'balloon', home: 'air', moves: ['rising', 'falling', 'hovering', ...sideways('drifting')] },
  { name: 'sailboat', home: 'water', moves: [...sideways('sailing'), 'lying at anchor'] },
  { name: 'car', home: 'ground', moves: [...sideways('driving'), 'parked'] },
  { name: 'rocket', home: 'air', moves: ['rising', 'shooting upwards', 'falling', ...sideways('flying')] },
  { name: 'kite', home: 'air', moves: ['rising', 'falling', 'hovering', ...sideways('flying')] },
  { name: 'planet', home: 'air', moves: ['rising', 'hanging still', ...sideways('drifting')] },
  { name: 'bird', home: 'air', moves: ['rising', 'hovering', ...sideways('flying')] },
  { name: 'butterfly', home: 'air', moves: ['rising', 'hovering', ...sideways('fluttering')] },
  { name: 'moon', home: 'air', moves: ['rising', 'hanging still', ...sideways('drifting')] },
  { name: 'lantern', home: 'air', moves: ['rising', 'swaying', ...sideways('drifting')] },
  { name: 'aeroplane', home: 'air', moves: ['climbing', ...sideways('flying')] },
  { name: 'whale', home: 'water', moves: sideways('swimming') },
  { name: 'train', home: 'ground', moves: [...sideways('rolling'), 'standing still'] },
  { name: 'dog', home: 'ground', moves: sideways('running') },
  { name: 'cat', home: 'ground', moves: sideways('walking') },
  { name: 'horse', home: 'ground', moves: sideways('trotting') },
  { name: 'deer', home: 'ground', moves: [...sideways('walking'), 'standing still'] },
  { name: 'bicycle', home: 'ground', moves: [...sideways('rolling'), 'parked'] },
  { name: 'lighthouse', home: 'ground', moves: ['standing'] },
  { name: 'windmill', home: 'ground', moves: ['standing'] },
]

export const COLORS = ['red', 'yellow', 'green', 'blue', 'purple', 'white', 'orange', 'teal', 'pink', 'brown', 'grey', 'black'] as const

export const WEATHERS = ['fog', 'fireflies', 'clear air', 'rain', 'snowfall', 'falling leaves'] as const

/** Camera motions: the name in the Camera theme, and a clause. */
export const CAMERAS = [
  { name: 'zoom in', clause: 'the camera zooms in' },
  { name: 'pan left', clause: 'the camera pans left' },
  { name: 'pan right', clause: 'the camera pans right' },
  { name: 'static camera', clause: 'static camera' },
  { name: 'zoom out', clause: 'the camera zooms out' },
  { name: 'tilt up', clause: 'the camera tilts up' },
  { name: 'tilt down', clause: 'the camera tilts down' },
] as const

export const STYLES = [
  'flat style',
  'neon style',
  'noir style',
  'pastel style',
  'watercolour style',
  '35 mm film grain',
  'pixel art',
  'paper cut-out style',
] as const
