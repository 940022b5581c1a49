import { errorSentence } from '../../components/error-sentence'
import type { ErrorSentence } from '../../components/error-sentence'
import type { EnhancerProgress } from '../../shared/worker-apis'
import type { ErrorData } from '../../shared/errors'
import type { Written } from '../../state/prompt-enhancer.svelte'

/** What the prompt writer is at, in words that are read out as they change. Pure. */
export function enhancingText({ stage }: EnhancerProgress): string {
  switch (stage) {
    case 'loading':
      return 'Loading the prompt writer…'
    case 'reading':
      return 'Reading your words…'
    case 'writing':
      return 'Writing…'
  }
}

/** Names words: “snow”, “red” and “fox”. Pure. */
export function listText(words: readonly string[]): string {
  const quoted = words.map((word) => `“${word}”`)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}

/** Why there is no paragraph to offer. Pure. */
export function missingSentence(written: Exclude<Written, { status: 'done' }>): ErrorSentence {
  switch (written.status) {
    case 'nothing':
      return { title: 'It wrote no whole sentence.', advice: 'Other words, or a few more, may help.' }
    case 'elsewhere':
      return { title: 'It wrote of something else.', advice: `Its paragraph has no ${listText(written.missing)}, and is not offered.` }
    case 'stopped':
      return { title: 'Stopped.', advice: 'No sentence was whole yet.' }
    case 'failed':
      return failure(written.error)
  }
}

function failure(error: ErrorData): ErrorSentence {
  // the sentence for everything else speaks of the GPU, which has no part in this
  if (error.code === 'out-of-memory') return { title: 'There is not enough memory for the prompt writer.', advice: 'It takes about 1.8 GB while it writes. Closing other tabs may help.' }
  return errorSentence(error)
}
