// Transfer of AppErrors between page and workers: comlink's own handler would drop their code and details.
import { transferHandlers } from 'comlink'
import { AppError, toErrorData } from './errors'
import type { ErrorData } from './errors'

/** Makes comlink transfer thrown values as AppErrors. Called once in the page and in each worker, before the first call. */
export function registerErrorTransfer(): void {
  const handler = transferHandlers.get('throw')
  if (!handler) throw new Error('Expected comlink to have a "throw" transfer handler.')
  transferHandlers.set('throw', {
    canHandle: (value): value is unknown => handler.canHandle(value), // comlink's private marker of a thrown value
    serialize: (thrown) => [toErrorData((thrown as { value: unknown }).value), []],
    deserialize: (data) => {
      const { code, message, details } = data as ErrorData
      throw new AppError(code, message, details)
    },
  })
}
