// The page's client of prompt-enhancer.worker, which is ended when it is idle or a clip needs its memory.
import { proxy } from 'comlink'
import { AppError } from '../shared/errors'
import type { PromptEnhancerApi, EnhancerProgress } from '../shared/worker-apis'
import { WorkerClient } from './worker-client'

/** How long the model stays in memory for another prompt: loading takes seconds, and it takes 1.8 GB. */
const IDLE_MS = 60_000

const client = new WorkerClient<PromptEnhancerApi>(
  () => new Worker(new URL('../../workers/prompt-enhancer.worker.ts', import.meta.url), { type: 'module', name: 'prompt-enhancer' }),
)

/** prompts being enhanced */
let running = 0
/** clips being made: they take precedence over keeping the model in memory */
let clips = 0
let idle: ReturnType<typeof setTimeout> | undefined

/**
 * Enhances a prompt with the downloaded language model. When the signal fires, the result is the text so far.
 * @param seed null: deterministic
 * @throws AppError weights-missing, weights-corrupt, out-of-memory; cancelled when the worker was ended meanwhile
 */
export async function enhancePrompt(
  signal: AbortSignal,
  prompt: string,
  seed: number | null,
  onProgress: (progress: EnhancerProgress) => void,
): Promise<string> {
  clearTimeout(idle)
  running++
  const stop = () => void client.call((api) => api.stop()).catch(() => undefined)
  signal.addEventListener('abort', stop)
  try {
    return await client.call((api) => api.enhance(prompt, seed, proxy(onProgress)))
  } finally {
    signal.removeEventListener('abort', stop)
    running--
    endOrIdle()
  }
}

/** Ends the worker and frees its memory, even while it is running. */
export function endPromptEnhancer(): void {
  clearTimeout(idle)
  client.end(new AppError('cancelled', 'The prompt enhancer was stopped.'))
}

/** Frees the enhancer's memory for a clip: now if it is idle, else when it is done. @returns a function to call when the clip is finished */
export function freeMemoryForClip(): () => void {
  clips++
  if (running === 0) endPromptEnhancer()
  return () => void clips--
}

function endOrIdle(): void {
  if (running > 0) return
  if (clips > 0) endPromptEnhancer()
  else idle = setTimeout(endPromptEnhancer, IDLE_MS)
}
