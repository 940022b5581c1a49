// What the library remembers of a clip. Stored in IndexedDB, written last: a file without a record is garbage.
import type { GenerateRequest } from './request'
import type { JobReport } from './job'

/** Bumped with every change of ClipRecord; workers/storage/migrations has a step for each. */
export const RECORD_SCHEMA_VERSION = 2

export interface ClipRecord {
  schemaVersion: typeof RECORD_SCHEMA_VERSION
  id: string
  /** milliseconds since 1970 */
  createdAtMs: number
  request: GenerateRequest
  modelName: string
  modelVersion: number
  durationSeconds: number
  bytes: number
  codec: string
  /** file name in OPFS under clips/ */
  file: string
  /** a small WebP or JPEG still */
  poster: Blob
  report: JobReport
}
