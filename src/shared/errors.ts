// The one error type that crosses worker doors. The worker owns the facts (expected, got), the page owns the wording.

/** Every way a job, a model or the library can fail. The page has one sentence for each. */
export type ErrorCode =
  | 'no-webgpu' // this browser has no navigator.gpu
  | 'no-adapter' // WebGPU is there, but no adapter answers
  | 'device-lost' // the GPU went away while a job ran
  | 'out-of-memory'
  | 'bad-request' // a request field is outside what the model allows
  | 'weights-missing' // a weight file is not there
  | 'weights-truncated' // a weight file has the wrong length
  | 'weights-corrupt' // a weight file has the wrong hash, or its header is not readable
  | 'unreadable-media' // a picture or video that cannot be decoded
  | 'no-encoder' // no VP9, AV1 or VP8 encoder
  | 'storage-full'
  | 'not-found' // a record or file is gone
  | 'cancelled'
  | 'internal'

/** Facts that go with a code: names, expected and found values. Plain data only. */
export type ErrorDetails = Record<string, string | number | boolean | null>

/** An error with a code and facts. `message` is one clear English sentence: what was expected, what came. */
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

/** Turns anything thrown into plain data; unknown errors become `internal`. */
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
