// The error type of worker APIs. The worker states the facts (expected, got), the page adds a title and advice.

/** Every way a job, a model or the library can fail. The page has a title for each. */
export type ErrorCode =
  | 'no-webgpu' // this browser has no navigator.gpu
  | 'no-adapter' // WebGPU is available, but there is no adapter
  | 'device-lost' // the GPU device was lost during a job
  | 'out-of-memory'
  | 'bad-request' // a request field is outside what the model allows
  | 'weights-missing' // a weight file is missing
  | 'weights-truncated' // a weight file has the wrong length
  | 'weights-corrupt' // a weight file has the wrong hash or content
  | 'unreadable-media' // an image or video that cannot be decoded
  | 'no-encoder' // no VP9, AV1 or VP8 encoder
  | 'storage-full'
  | 'not-found' // a record or file does not exist
  | 'cancelled'
  | 'internal'

/** Facts for a code: names, expected and found values. Plain data only. */
export type ErrorDetails = Record<string, string | number | boolean | null>

/** An error with a code and facts. `message` is a sentence: what was expected, what was found and what to do. */
export class AppError extends Error {
  override readonly name = 'AppError'
  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
  ) {
    super(message)
  }
}

/** An AppError as plain data, for postMessage and stored records. */
export interface ErrorData {
  code: ErrorCode
  message: string
  details: ErrorDetails
}

/** Converts anything thrown to plain data; unknown errors become `internal`. */
export function toErrorData(thrown: unknown): ErrorData {
  if (thrown instanceof AppError) return { code: thrown.code, message: thrown.message, details: thrown.details }
  if (thrown instanceof DOMException && thrown.name === 'AbortError') {
    return { code: 'cancelled', message: 'The job was cancelled.', details: {} }
  }
  if (thrown instanceof DOMException && thrown.name === 'QuotaExceededError') {
    return { code: 'storage-full', message: 'The browser has no storage left for this site.', details: {} }
  }
  return { code: 'internal', message: thrown instanceof Error ? thrown.message : String(thrown), details: {} }
}
