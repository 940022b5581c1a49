import { proxy } from 'comlink'
import { AppError } from '../shared/errors'
import type { PromptEnhancerApi, EnhancerProgress } from '../shared/worker-apis'
import { WorkerClient } from './worker-client'

/** How long the model waits in memory for another prompt: loading it takes seconds, and it holds 1.8 GB. */
const IDLE_MS = 60_000

const client = new WorkerClient<PromptEnhancerApi>(
  () => new Worker(new URL('../../workers/prompt-enhancer.worker.ts', import.meta.url), { type: 'module', name: 'writer' }),
)

/** prompts that are being written */
let writing = 0
/** clips that are being made: they want the memory more than the next prompt does */
let clips = 0
let idle: ReturnType<typeof setTimeout> | undefined

/**
 * Writes a prompt out with the downloaded language model. When the signal fires, it answers with what there is.
 * @param seed null: the same text for the same words
 * @throws AppError weights-missing, weights-corrupt, out-of-memory, cancelled when the model was deleted meanwhile
 */
export async function enhancePrompt(signal: AbortSignal, words: string, seed: number | null, onProgress: (progress: EnhancerProgress) => void): Promise<string> {
  clearTimeout(idle)
  writing++
  const stop = () => void client.call((door) => door.stop()).catch(() => undefined)
  signal.addEventListener('abort', stop)
  try {
    return await client.call((door) => door.write(words, seed, proxy(onProgress)))
  } finally {
    signal.removeEventListener('abort', stop)
    writing--
    rest()
  }
}

/** Ends the writer and frees its memory, whatever it is at. */
export function endPromptEnhancer(): void {
  clearTimeout(idle)
  client.end(new AppError('cancelled', 'The prompt writer was ended.'))
}

/** A clip is being made: a writer that waits ends now, one that writes when it is done. @returns to be called when the clip is over */
export function freeMemoryForClip(): () => void {
  clips++
  if (writing === 0) endPromptEnhancer()
  return () => void clips--
}

function rest(): void {
  if (writing > 0) return
  if (clips > 0) endPromptEnhancer()
  else idle = setTimeout(endPromptEnhancer, IDLE_MS)
}
