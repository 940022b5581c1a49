// "Surprise me": a random prompt from the vocabulary of the model.
import { pick, understands, withArticle, vocabularyOf, type SceneVocabulary, type Random } from './scene-vocabulary'
import type { ModelManifest } from './model'
import { openScene } from './open-scenes'

/** A random prompt that suits the model. */
export function surprisePrompt(model: ModelManifest, random: Random): string {
  const vocabulary = vocabularyOf(model)
  if (vocabulary) return vocabularyScene(vocabulary, model, random)
  if (model.text.words.length === 0) return openScene(random)
  return pick(random, model.examples) ?? ''
}

/** "a red balloon rising over mountains at sunset, the camera zooms in, neon style". */
function vocabularyScene(vocabulary: SceneVocabulary, model: ModelManifest, random: Random): string {
  const land = pick(random, vocabulary.lands)
  const sky = pick(random, vocabulary.skies)
  const subject = pick(
    random,
    vocabulary.subjects.filter(({ home }) => home === 'air' || (home === 'water') === land?.water),
  )
  const color = pick(random, vocabulary.colors)
  if (!land || !sky || !subject || !color) return pick(random, model.examples) ?? ''
  const move = pick(random, subject.moves)
  const place = subject.home === 'air' ? `over ${land.name}` : land.place
  const scene = [withArticle(`${color} ${subject.name}`), move, place].filter(Boolean).join(' ')
  let text = random() < 0.7 ? `${scene} ${sky.when}` : `${scene}, ${sky.name}`
  const extras = [
    random() < 0.25 ? pick(random, vocabulary.weathers) : undefined,
    random() < 0.5 ? pick(random, vocabulary.cameras)?.clause : undefined,
    random() < 0.4 ? pick(random, vocabulary.styles) : undefined,
  ]
  for (const extra of extras) {
    if (extra && understands(model, `${text}, ${extra}`)) text += `, ${extra}`
  }
  return text
}
