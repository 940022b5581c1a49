import { errorMessage } from '../../components/error-message'
import type { ErrorMessage } from '../../components/error-message'
import type { EnhancerProgress } from '../../shared/worker-apis'
import type { ErrorData } from '../../shared/errors'
import type { EnhanceOutcome } from '../../state/prompt-enhancer.svelte'

/** Progress of the prompt enhancer; announced by screen readers as it changes. Pure. */
export function enhancingText({ stage }: EnhancerProgress): string {
  switch (stage) {
    case 'loading':
      return 'Loading the prompt enhancer…'
    case 'reading':
      return 'Reading the prompt…'
    case 'writing':
      return 'Writing…'
  }
}

/** Lists words in quotes: “snow”, “red” and “fox”. Pure. */
export function listText(words: readonly string[]): string {
  const quoted = words.map((word) => `“${word}”`)
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} and ${quoted.at(-1)}`
}

/** Why there is no enhanced prompt. Pure. */
export function noTextMessage(outcome: Exclude<EnhanceOutcome, { status: 'done' }>): ErrorMessage {
  switch (outcome.status) {
    case 'empty':
      return { title: 'No complete sentence was generated.', advice: 'Try a different or a longer prompt.' }
    case 'off-topic':
      return { title: 'The enhanced prompt was off topic.', advice: `It was discarded because it did not mention ${listText(outcome.missing)}.` }
    case 'stopped':
      return { title: 'Stopped.', advice: 'No sentence was complete yet.' }
    case 'failed':
      return failureMessage(outcome.error)
  }
}

function failureMessage(error: ErrorData): ErrorMessage {
  // the general message is about GPU memory, which the prompt enhancer does not use
  if (error.code === 'out-of-memory')
    return { title: 'Not enough memory for the prompt enhancer.', advice: 'It needs about 1.8 GB of memory. Close other tabs and try again.' }
  return errorMessage(error)
}
