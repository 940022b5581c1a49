// The text worker as a job uses it: started by the page, spoken to over a port, ended once the embeds are there.
import { wrap } from 'comlink'
import { AppError } from '../../src/shared/errors'
import type { JobCallbacks, TextApi } from '../../src/shared/worker-apis'

/**
 * Encodes prompts in a text worker of its own, which has ended when this settles.
 * @throws as TextApi.encode; AppError of the worker's crash
 */
export function textWorkerEncoder({
  openTextWorker,
  textWorkerEnd,
  closeTextWorker,
}: Pick<JobCallbacks, 'openTextWorker' | 'textWorkerEnd' | 'closeTextWorker'>): TextApi['encode'] {
  return async (modelUrl, prompts) => {
    const port = await openTextWorker()
    const crash = textWorkerEnd().then((error): never => {
      const { code, message, details } = error ?? { code: 'internal' as const, message: 'The text worker was closed.', details: {} }
      throw new AppError(code, message, details)
    })
    crash.catch(() => undefined) // after a success nobody waits for it
    try {
      return await Promise.race([wrap<TextApi>(port).encode(modelUrl, prompts), crash])
    } finally {
      port.close()
      await closeTextWorker()
    }
  }
}
