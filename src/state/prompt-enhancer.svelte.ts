import { endPromptEnhancer, enhancePrompt } from '../rpc/prompt-enhancer'
import type { EnhancerProgress } from '../shared/worker-apis'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import { PROMPT_ENHANCER } from '../shared/model-catalogue'
import { missingWords, mentionsOther, tidyParagraph } from '../shared/enhanced-prompt'
import { models } from './models.svelte'

/** What became of a prompt that was to be written out. */
export type Written =
  | { status: 'done'; text: string; missing: readonly string[] } // a paragraph, and the person's words that it has not
  | { status: 'nothing' } // no whole sentence came
  | { status: 'elsewhere'; missing: readonly string[] } // it speaks of something else, and is not offered
  | { status: 'stopped' } // before the first sentence was whole
  | { status: 'failed'; error: ErrorData }

/** The small language model that writes prompts out: whether it is here, and what it is at. */
class Writer {
  progress = $state.raw<EnhancerProgress | null>(null)
  #stop = new AbortController()

  /** Whether it is downloaded; undefined until that is known. While its files are checked it is. */
  readonly here = $derived.by(() => {
    if (models.status === 'failed') return false
    return models.status === 'ready' ? models.progress(PROMPT_ENHANCER).status === 'complete' || models.runOf(PROMPT_ENHANCER) === 'verify' : undefined
  })

  /**
   * Writes a prompt out; one at a time, the one before is stopped.
   * @param avoid phrases that are not to be in it
   * @param seed for another text than the first
   */
  async write(words: string, avoid: readonly string[], seed: number | null): Promise<Written> {
    this.stop()
    const stop = (this.#stop = new AbortController())
    const isLatest = () => this.#stop === stop
    this.progress = { stage: 'loading' }
    try {
      const written = await enhancePrompt(stop.signal, words, seed, (progress) => {
        // events travel on a port of their own and may come after the answer
        if (isLatest() && this.progress) this.progress = progress
      })
      const text = tidyParagraph(written, avoid)
      if (text === '') return { status: stop.signal.aborted ? 'stopped' : 'nothing' }
      const missing = missingWords(words, text)
      if (!stop.signal.aborted && mentionsOther(words, text)) return { status: 'elsewhere', missing }
      return { status: 'done', text, missing }
    } catch (error) {
      return { status: 'failed', error: toErrorData(error) }
    } finally {
      if (isLatest()) this.progress = null
    }
  }

  /** Ends the text with what there is. */
  stop(): void {
    this.#stop.abort()
  }

  /** Frees its memory: its files go. */
  end(): void {
    endPromptEnhancer()
  }
}

export const writer = new Writer()
