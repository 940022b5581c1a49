// "Surprise me": a whole prompt, drawn from what the model knows.
import { pick, understands, withArticle, vocabularyOf, type SceneVocabulary, type Random } from './scene-vocabulary'
import type { ModelManifest } from './model'
import { openScene } from './open-scenes'

/** A prompt that the model can make something of, another one each time. */
export function surprisePrompt(model: ModelManifest, random: Random): string {
  const world = vocabularyOf(model)
  if (world) return worldScene(world, model, random)
  if (model.text.words.length === 0) return openScene(random)
  return pick(random, model.examples) ?? ''
}

/** "a red balloon rising over mountains at sunset, the camera zooms in, neon style". */
function worldScene(world: SceneVocabulary, model: ModelManifest, random: Random): string {
  const land = pick(random, world.lands)
  const sky = pick(random, world.skies)
  const subject = pick(random, world.subjects.filter(({ home }) => home === 'air' || (home === 'water') === land?.water))
  const colour = pick(random, world.colours)
  if (!land || !sky || !subject || !colour) return pick(random, model.examples) ?? ''
  const move = pick(random, subject.moves)
  const place = subject.home === 'air' ? `over ${land.name}` : land.place
  const scene = [withArticle(`${colour} ${subject.name}`), move, place].filter(Boolean).join(' ')
  let text = random() < 0.7 ? `${scene} ${sky.when}` : `${scene}, ${sky.name}`
  const extras = [
    random() < 0.25 ? pick(random, world.weathers) : undefined,
    random() < 0.5 ? pick(random, world.cameras)?.clause : undefined,
    random() < 0.4 ? pick(random, world.styles) : undefined,
  ]
  for (const extra of extras) {
    if (extra && understands(model, `${text}, ${extra}`)) text += `, ${extra}`
  }
  return text
}
