import { AppError } from '../shared/errors'
import type { TextApi, TextEmbeddings } from '../shared/worker-apis'
import { WorkerClient } from './worker-client'

const startWorker = () => new Worker(new URL('../../workers/text.worker.ts', import.meta.url), { type: 'module', name: 'text' })

/**
 * Encodes prompts in a worker of their own that ends afterwards, so that the encoder's memory is free again before denoising.
 * @param modelUrl absolute URL of the model folder, ending in /
 */
export async function encodeText(signal: AbortSignal, modelUrl: string, prompts: string[]): Promise<TextEmbeddings> {
  const cancelled = new AppError('cancelled', 'The job was cancelled.')
  if (signal.aborted) throw cancelled
  const client = new WorkerClient<TextApi>(startWorker)
  const abort = () => client.end(cancelled)
  signal.addEventListener('abort', abort)
  try {
    return await client.call((door) => door.encode(modelUrl, prompts))
  } finally {
    signal.removeEventListener('abort', abort)
    client.end(cancelled)
  }
}
