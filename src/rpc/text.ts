import { AppError, toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'

/** A text worker that another worker speaks to. */
export interface TextWorker {
  /** to its TextApi; to be transferred */
  port: MessagePort
  /** why it crashed; null when it was ended */
  ended: Promise<ErrorData | null>
  /** Ends it, so that the encoder's memory is free again. */
  end(): void
}

/** Starts a text worker. */
export function startTextWorker(): TextWorker {
  const worker = new Worker(new URL('../../workers/text.worker.ts', import.meta.url), { type: 'module', name: 'text' })
  const { port1: own, port2: port } = new MessageChannel()
  let resolveEnd: (error: ErrorData | null) => void = () => undefined
  const ended = new Promise<ErrorData | null>((resolve) => (resolveEnd = resolve))
  const crashed = (event: Event) => {
    const message = event instanceof ErrorEvent && event.message ? event.message : 'The text worker could not be loaded. Reload the page and try again.'
    worker.terminate()
    resolveEnd(toErrorData(new AppError('internal', message)))
  }
  worker.addEventListener('error', crashed)
  worker.addEventListener('messageerror', crashed)
  worker.postMessage(own, [own])
  return {
    port,
    ended,
    end() {
      worker.terminate()
      resolveEnd(null)
    },
  }
}
