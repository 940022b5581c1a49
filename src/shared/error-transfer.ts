// comlink's own rule for thrown values keeps only name, message and stack. This one keeps an AppError's code and facts.
import { transferHandlers } from 'comlink'
import { AppError, toErrorData } from './errors'
import type { ErrorData } from './errors'

/** Called once on either side of a door, before the first call: thrown values then cross it as AppError. */
export function registerErrorTransfer(): void {
  const handler = transferHandlers.get('throw')
  if (!handler) throw new Error('comlink has no "throw" transfer handler.')
  transferHandlers.set('throw', {
    canHandle: (value): value is unknown => handler.canHandle(value), // comlink's private marker of a thrown value
    serialize: (thrown) => [toErrorData((thrown as { value: unknown }).value), []],
    deserialize: (data) => {
      const { code, message, details } = data as ErrorData
      throw new AppError(code, message, details)
    },
  })
}
