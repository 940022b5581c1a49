import { endPromptEnhancer, enhancePrompt } from '../rpc/prompt-enhancer'
import type { EnhancerProgress } from '../shared/worker-apis'
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import { PROMPT_ENHANCER } from '../shared/model-catalogue'
import { missingWords, isOffTopic, tidyParagraph } from '../shared/enhanced-prompt'
import { models } from './models.svelte'

/** Result of enhancing a prompt. */
export type EnhanceOutcome =
  | { status: 'done'; text: string; missing: readonly string[] } // the enhanced prompt, and the words of the prompt that it lacks
  | { status: 'empty' } // no complete sentence was generated
  | { status: 'off-topic'; missing: readonly string[] } // it lacks most words of the prompt and was discarded
  | { status: 'stopped' } // stopped before the first sentence was complete
  | { status: 'failed'; error: ErrorData }

/** The prompt enhancer: a small language model that expands short prompts. */
class PromptEnhancer {
  progress = $state.raw<EnhancerProgress | null>(null)
  #stop = new AbortController()

  /** Whether it is downloaded; undefined until that is known. */
  readonly installed = $derived.by(() => {
    if (models.status === 'failed') return false
    return models.status === 'ready' ? models.progress(PROMPT_ENHANCER).status === 'complete' || models.runOf(PROMPT_ENHANCER) === 'verify' : undefined
  })

  /**
   * Enhances a prompt. Stops the previous call.
   * @param avoid phrases that must not appear in the text
   * @param seed of the random sampling; null for the deterministic text
   */
  async enhance(prompt: string, avoid: readonly string[], seed: number | null): Promise<EnhanceOutcome> {
    this.stop()
    const stop = (this.#stop = new AbortController())
    const isLatest = () => this.#stop === stop
    this.progress = { stage: 'loading' }
    try {
      const generated = await enhancePrompt(stop.signal, prompt, seed, (progress) => {
        // events use a separate port and may arrive after the result
        if (isLatest() && this.progress) this.progress = progress
      })
      const text = tidyParagraph(generated, avoid)
      if (text === '') return { status: stop.signal.aborted ? 'stopped' : 'empty' }
      const missing = missingWords(prompt, text)
      if (!stop.signal.aborted && isOffTopic(prompt, text)) return { status: 'off-topic', missing }
      return { status: 'done', text, missing }
    } catch (error) {
      return { status: 'failed', error: toErrorData(error) }
    } finally {
      if (isLatest()) this.progress = null
    }
  }

  /** Stops generating; the complete sentences so far are the result. */
  stop(): void {
    this.#stop.abort()
  }

  /** Frees its memory, before its files are deleted. */
  unload(): void {
    endPromptEnhancer()
  }
}

export const promptEnhancer = new PromptEnhancer()
