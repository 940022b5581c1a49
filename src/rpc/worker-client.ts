import { wrap } from 'comlink'
import type { Remote } from 'comlink'
import { AppError } from '../shared/errors'
import { registerErrorTransfer } from '../shared/error-transfer'

registerErrorTransfer()

/**
 * One worker behind its door. It starts with the first call; if it crashes or is ended, every call under way
 * rejects (comlink alone would wait for ever) and the next call starts a new one.
 */
export class WorkerClient<Door> {
  readonly #start: () => Worker
  #running: { worker: Worker; door: Remote<Door> } | undefined
  readonly #rejects = new Set<(reason: AppError) => void>()

  constructor(start: () => Worker) {
    this.#start = start
  }

  /** @throws AppError, whatever went wrong on the other side */
  async call<Result>(use: (door: Remote<Door>) => Promise<Result>): Promise<Result> {
    const { door } = (this.#running ??= this.#open())
    return new Promise<Result>((resolve, reject) => {
      this.#rejects.add(reject)
      use(door)
        .then(resolve, reject)
        .finally(() => this.#rejects.delete(reject))
    })
  }

  /** Stops the worker; calls under way reject with `reason`. */
  end(reason: AppError): void {
    this.#running?.worker.terminate()
    this.#running = undefined
    for (const reject of this.#rejects) reject(reason)
    this.#rejects.clear()
  }

  #open(): { worker: Worker; door: Remote<Door> } {
    const worker = this.#start()
    const crashed = (event: Event) => {
      if (this.#running?.worker !== worker) return
      const message = event instanceof ErrorEvent && event.message ? event.message : 'A worker could not be loaded.'
      this.end(new AppError('internal', message))
    }
    worker.addEventListener('error', crashed)
    worker.addEventListener('messageerror', crashed)
    return { worker, door: wrap<Door>(worker) }
  }
}
