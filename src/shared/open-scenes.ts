// Random scenes for models with an open vocabulary: a few sentences each, like the captions they were trained on.
import { pick, type Random } from './scene-vocabulary'

const SUBJECTS = [
  'A small sailboat crosses a calm bay',
  'A red fox walks through fresh snow',
  'A paper lantern floats up above a quiet village',
  'An old steam train rolls over a stone bridge',
  'A potter shapes a bowl on a turning wheel',
  'A heron stands still in shallow water, then takes off',
  'A cyclist rides along a coast road',
  'A hot-air balloon drifts over fields of lavender',
  'A black cat stretches on a windowsill',
  'Waves break against a lighthouse',
  'A child runs across a meadow with a kite',
  'A street musician plays the violin under an arcade',
  'A herd of horses gallops along a beach',
  'Steam rises from a cup of tea by a window',
  'A hummingbird hovers in front of a red flower',
  'A tram climbs a steep, narrow street',
]
const LIGHTS = [
  'Warm, low evening light.',
  'Soft morning light and a little mist.',
  'Bright noon light with hard shadows.',
  'Blue dusk; the first lamps are lit.',
  'Overcast, even light.',
  'Moonlight and deep shadows.',
  'Golden light from behind.',
  'It rains lightly, and the ground reflects the sky.',
]
const CAMERAS = [
  'The camera follows slowly from the side.',
  'The camera moves slowly closer.',
  'The camera stands still.',
  'The camera rises and looks down.',
  'A close view with a blurred background.',
  'A wide view from far away.',
  'The camera circles around it.',
  'The camera pans slowly to the right.',
]
const LOOKS = ['Natural colors, fine detail.', 'Muted colors, like old film.', 'Rich colors, high contrast.', 'Calm, quiet mood.', 'Realistic, in fine detail.']

/** A random scene of three or four sentences. */
export function openScene(random: Random): string {
  const sentences = [`${pick(random, SUBJECTS)}.`, pick(random, LIGHTS), pick(random, CAMERAS), random() < 0.5 ? pick(random, LOOKS) : undefined]
  return sentences.filter(Boolean).join(' ')
}

/** Sentences by aspect, with the words by which a prompt already covers the aspect. */
const ASPECTS: readonly { covered: RegExp; sentences: readonly string[] }[] = [
  {
    covered:
      /\b(light|lit|sun\w*|moon\w*|night|dawn|dusk|morning|evening|noon|day\w*|dark\w*|shadow\w*|lamp\w*|neon|golden hour|overcast|rain\w*|snow\w*|fog\w*|mist\w*|storm\w*|cloud\w*)\b/i,
    sentences: LIGHTS,
  },
  {
    covered: /\b(camera|pan|pans|panning|zoom\w*|tilt\w*|close[- ]?up|close view|wide (view|shot)|shot|tracking|dolly|aerial|drone|handheld|view)\b/i,
    sentences: CAMERAS,
  },
  {
    covered:
      /\b(style|colou?rs?|detail\w*|mood|film|grain|realistic|photo\w*|cinematic|animation|anime|painting|watercolou?r|drawing|sketch|illustration|monochrome|black and white|contrast)\b/i,
    sentences: LOOKS,
  },
]

/** Random sentences for the aspects (light, camera, look) that a prompt does not cover. */
export function missingSentences(prompt: string, random: Random): string[] {
  return ASPECTS.filter(({ covered }) => !covered.test(prompt)).flatMap(({ sentences }) => pick(random, sentences) ?? [])
}
