// The library's record of a clip, stored in IndexedDB, and the ids of media assets in stored values.
import type { GenerateRequest } from './request'
import type { JobReport } from './job'

/** Incremented with every change of ClipRecord; workers/storage/records.ts has a migration for each. */
export const RECORD_SCHEMA_VERSION = 3

/** A clip of the library. Written after its file: a file without a record is garbage. */
export interface ClipRecord {
  schemaVersion: typeof RECORD_SCHEMA_VERSION
  id: string
  /** of the queue that made it: a job has at most one record. Missing where a script made it, and in records of earlier versions. */
  jobId?: string
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

/** The id of a media asset: the SHA-256 of the file, in hex. */
const ASSET_ID = /(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])/g

/** The ids of media assets anywhere in a value, whatever its shape or version: assets that are referenced are never deleted. Pure. */
export function assetIdsIn(value: unknown): string[] {
  const text = JSON.stringify(value) as string | undefined
  return [...new Set(text?.match(ASSET_ID))]
}
