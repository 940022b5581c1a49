// A job's life, as one union. The page renders it, the worker moves it.
import type { ErrorData } from './errors'

/** The stages in which work happens, in order. */
export const STAGES = ['encoding-text', 'loading', 'tuning', 'compiling', 'denoising', 'decoding', 'saving'] as const
export type Stage = (typeof STAGES)[number]

/** A small moving picture of the clip as it stands: RGBA u8, `frames` pictures of width × height, one after another. */
export interface Preview {
  width: number
  height: number
  frames: number
  rgba: Uint8ClampedArray<ArrayBuffer>
}

/** What a worker tells of a running job. `step` of `steps` counts denoise steps, decoded frames while
 * decoding, kernels that are compiled, and parts of a text encoder that are prepared before its first use. */
export interface JobProgress {
  stage: Stage
  step?: number
  steps?: number
  etaSeconds?: number
  /** which piece of the clip's plan is under way, from 1 on, and how many there are; where there are several */
  piece?: number
  pieces?: number
  preview?: Preview
  /** bytes fetched and in all, while loading */
  loadedBytes?: number
  totalBytes?: number
}

export type JobState =
  | { status: 'idle' }
  | { status: 'queued' }
  | ({ status: 'running' } & JobProgress)
  | { status: 'done'; result: GenerateResult }
  | { status: 'failed'; error: ErrorData }
  | { status: 'cancelled' }
  /** stopped, to go on after its last finished step */
  | { status: 'paused' }

/** Milliseconds, bytes and hashes of one finished job. */
export interface JobReport {
  adapter: string
  precision: 'f32' | 'f16'
  /** variants that it ran on: kernel → its preludes */
  kernels: Record<string, string>
  tokens: number
  textMs: number
  /** of waiting for kernels to compile, most of it before the first step and in no other of these but the total. Missing in older records. */
  compileMs?: number
  stepMs: number[]
  /** with the first-block cache: forward passes of the transformer, and those of them that ran its first block alone. Of this run, as stepMs is */
  evaluations?: number
  evaluationsSkipped?: number
  decodeMs: number
  encodeMs: number
  totalMs: number
  weightGpuBytes: number
  peakGpuBytes: number
  /** null where the browser does not tell */
  peakHostBytes: number | null
  /** hex, of the values of all chunks' latents */
  latentsSha256: string
  /** hex, of the SHA-256s of all frames in the file before they are encoded: I420, or RGBA of a still */
  framesSha256: string
}

/** A finished clip. `blob` is there even when storage was full and nothing was saved. */
export interface GenerateResult {
  /** library id, or null when the clip could not be saved */
  id: string | null
  blob: Blob
  codec: string
  report: JobReport
  /** set when the clip was made but could not be saved */
  saveError?: ErrorData
  /** set when the prompt was longer than the model reads: the part that was used */
  usedPrompt?: string
}
