// Starting, calling and ending workers from the page.
import { wrap } from 'comlink'
import type { Remote } from 'comlink'
import { AppError } from '../shared/errors'
import { registerErrorTransfer } from '../shared/error-transfer'
import { watchWorker } from '../shared/worker-life'

registerErrorTransfer()

/**
 * A worker and its API. It starts with the first call. If it crashes or is ended, every pending call rejects (comlink alone would
 * wait forever), and the next call starts a new worker.
 */
export class WorkerClient<Api> {
  readonly #start: () => Worker
  #running: { worker: Worker; api: Remote<Api> } | undefined
  readonly #rejects = new Set<(reason: AppError) => void>()

  constructor(start: () => Worker) {
    this.#start = start
  }

  /** Calls the API. @throws AppError for any error in the worker */
  async call<Result>(use: (api: Remote<Api>) => Promise<Result>): Promise<Result> {
    const { api } = (this.#running ??= this.#open())
    return new Promise<Result>((resolve, reject) => {
      this.#rejects.add(reject)
      use(api)
        .then(resolve, reject)
        .finally(() => this.#rejects.delete(reject))
    })
  }

  /** Ends the worker; pending calls reject with `reason`. */
  end(reason: AppError): void {
    this.#running?.worker.terminate()
    this.#running = undefined
    for (const reject of this.#rejects) reject(reason)
    this.#rejects.clear()
  }

  #open(): { worker: Worker; api: Remote<Api> } {
    const worker = this.#start()
    const crashed = (event: Event) => {
      if (this.#running?.worker !== worker) return
      const message = event instanceof ErrorEvent && event.message ? event.message : 'A worker could not be loaded; reload the page.'
      this.end(new AppError('internal', message))
    }
    worker.addEventListener('error', crashed)
    worker.addEventListener('messageerror', crashed)
    watchWorker(worker, () => {
      if (this.#running?.worker === worker) this.end(new AppError('internal', 'A worker of this page has ended. Try again: finished steps are kept.'))
    })
    return { worker, api: wrap<Api>(worker) }
  }
}
