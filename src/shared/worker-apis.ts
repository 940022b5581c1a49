// The APIs of the workers, as comlink exposes them. Types only; the workers implement them.
import type { LocalFiles, LocalPlace, LocalFilesState } from './local-files'
import type { ErrorData } from './errors'
import type { ClipRecord } from './record'
import type { GenerateRequest } from './request'
import type { Piece } from './plan'
import type { Embeds, PromptEmbeds } from './prompt-embeds'
import type { GenerateResult, JobProgress } from './job'
import type { ModelTimes } from './time-estimate'

/** text.worker: a quantized encoder on onnxruntime-web. It is ended once the embeds are there, so that its memory is free again. */
export interface TextApi {
  /**
   * @param modelUrl absolute URL of the model folder, ending in /
   * @returns the embeds of each prompt, in order
   * @throws AppError weights-missing, weights-truncated, weights-corrupt
   */
  encode(modelUrl: string, prompts: readonly string[]): Promise<Embeds[]>
}

/** What the prompt enhancer is doing; `text` is its raw output so far. */
export type EnhancerProgress = { stage: 'loading' } | { stage: 'reading' } | { stage: 'writing'; text: string }

/** prompt-enhancer.worker: a downloaded language model on onnxruntime-web. It stays in memory until the page ends the worker. */
export interface PromptEnhancerApi {
  /**
   * Expands a short prompt into a paragraph. A second call stops the first.
   * @param seed null: deterministic; else sampled
   * @returns the model's raw text, or its part so far when it was stopped
   * @throws AppError weights-missing, weights-corrupt, out-of-memory
   */
  enhance(prompt: string, seed: number | null, onProgress: (progress: EnhancerProgress) => void): Promise<string>
  /** resolves within one token; enhance() then returns the text so far */
  stop(): Promise<void>
}

/** What the page knows of this machine before the first job. */
export interface AdapterReport {
  adapter: string
  software: boolean
  f16: boolean
  /** the encoder that will be used: a WebCodecs codec string, or null when there is none */
  codec: string | null
}

export interface GenerateOptions {
  precision?: 'f32' | 'f16'
  /** whole numbers of 8 or 4 bits that a downloaded model's matrices become; 4 when left out. A model folder's stay as they are. */
  weights?: 'i8' | 'i4'
  /** f32 [C, F', H', W'] instead of noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer>
  /** instead of the text encoder's: for every chunk */
  embeds?: PromptEmbeds
  /** pieces to generate instead of those that the request's mode plans */
  plan?: readonly Piece[]
  keepLatents?: boolean
  /** tries kernels on the adapter once for a clip of a new size, and takes the fastest; left out: on real GPUs. Their sums differ in the last digits. */
  autotune?: boolean
  /** keeps what each step came to under the job's id until the clip is saved; a job of the same id and request goes on from there */
  checkpoint?: boolean
  /** the clip is saved under the job's id, and only once: a job that has saved one before answers with that */
  once?: boolean
  /** the model's files on the user's own disk */
  localFiles?: readonly LocalFiles[]
}

/** Functions a job calls back, passed as one comlink proxy, so that each call answers with a promise. */
export interface JobCallbacks {
  onProgress(progress: JobProgress): void
  /** Starts a text worker. @returns a port to its TextApi, so that embeds go from worker to worker */
  openTextWorker(): Promise<MessagePort>
  /** Waits for the end of the text worker. @returns why it crashed; null when it was closed */
  textWorkerEnd(): Promise<ErrorData | null>
  /** Ends the text worker; harmless when there is none. */
  closeTextWorker(): Promise<void>
}

/** generate.worker: everything from embeddings to a saved WebM. Rejects with AppError. */
export interface GenerateApi {
  /** @throws AppError no-webgpu, no-adapter */
  probe(): Promise<AdapterReport>
  generate(
    jobId: string,
    modelUrl: string,
    request: GenerateRequest,
    callbacks: JobCallbacks,
    options?: GenerateOptions,
  ): Promise<GenerateResult & { latents?: Float32Array<ArrayBuffer> }>
  /** answers within one step; an unknown job is no error */
  cancel(jobId: string): Promise<void>
  /** ends the clip with the chunk under way: it is saved as far as it has come. An unknown job is no error. */
  finishEarly(jobId: string): Promise<void>
  /** deletes what is kept of these jobs; one that is under way keeps it */
  forgetJobs(ids: readonly string[]): Promise<void>
  /** deletes what is kept of all jobs but these, unless some of it was written since. @param beforeMs since the epoch */
  sweepJobs(knownIds: readonly string[], beforeMs: number): Promise<void>
  /** whether the GPU can give so many bytes beside what it holds now; they are allocated, and freed at once. Waits for the job under way. */
  fits(bytes: number): Promise<boolean>
  /** how long a block of the model's shape takes on this GPU; its files need not be here. A second or two. Waits for the job under way. */
  measure(modelUrl: string): Promise<ModelTimes>
  /** GPU buffers that live now, and how many of them are weights of the loaded model; between jobs the two are equal */
  gpuBuffers(): Promise<{ live: number; weights: number }>
  /** frees weights and the device */
  unload(): Promise<void>
}

/** A media asset: an image or video of the user's own, saved so that clips can be made from it. */
export interface SavedAsset {
  /** SHA-256 of its bytes, in hex */
  id: string
  name: string
  bytes: number
}

/** A media asset that is a video. */
export interface SavedVideo extends SavedAsset {
  /** that can be used: of a file that is cut off or damaged, those before that */
  seconds: number
  /** of the whole video, as the file says; equal if nothing is missing */
  ofSeconds: number
}

/** The queue of a tab, as it is stored. */
export interface StoredQueue {
  /** name of the lock that the tab holds while it is open */
  tab: string
  /** rows in order; of this version: StoredJobSchema in src/state/queue-jobs.ts */
  jobs: unknown[]
  /** ids of former jobs whose checkpoints are still to be deleted */
  forget: string[]
}

/** library.worker: clips and assets on OPFS, records and queues in IndexedDB. */
export interface LibraryApi {
  /** newest first */
  list(): Promise<ClipRecord[]>
  /** @throws AppError not-found */
  open(id: string): Promise<Blob>
  remove(id: string): Promise<void>
  /** saves a file as a media asset */
  saveAsset(file: File): Promise<SavedAsset>
  /** decodes a video: how much of it can be used. @throws AppError unreadable-media naming the codec */
  inspectVideo(file: File): Promise<Pick<SavedVideo, 'seconds' | 'ofSeconds'>>
  /** saves the first or last frame of a clip, or a still, as an image. @throws AppError not-found, unreadable-media */
  saveFrame(clipId: string, which: 'first' | 'last'): Promise<SavedAsset>
  /** @throws AppError not-found */
  openAsset(id: string): Promise<File>
  /** deletes assets that neither a clip, a queue nor `named` references, that no page has open and that were written before `beforeMs`. @returns how many */
  sweepAssets(named: readonly string[], beforeMs: number): Promise<number>
  /** a text tag of a video file by its name; null if it has none */
  videoTag(file: Blob, name: string): Promise<string | null>
  /** the records of the clips that these jobs have made */
  clipsOfJobs(jobIds: readonly string[]): Promise<ClipRecord[]>
  /** the queues of all tabs */
  queues(): Promise<StoredQueue[]>
  /**
   * stores a tab's queue in place of its earlier one, deletes the queues of the tabs `takenOver`, and keeps the unreadable rows `aside`:
   * one step that is on the disk when it resolves
   */
  saveQueue(queue: StoredQueue, takenOver?: readonly string[], aside?: readonly unknown[]): Promise<void>
  /** bytes used by this site, and its quota */
  usage(): Promise<{ usedBytes: number; quotaBytes: number }>
}

/** One file of a download. */
export interface DownloadPart {
  path: string
  /** downloaded bytes, those of the current chunk included */
  bytesDone: number
  /** in total; an estimate before the server was contacted */
  bytesTotal: number
}

export type DownloadStatus =
  | 'absent' // nothing is downloaded
  | 'paused' // partly downloaded, not running
  | 'complete' // downloaded and verified
  | 'connecting' // requesting the lengths of the files
  | 'downloading'
  | 'waiting' // a request failed and will be retried: `note` is why
  | 'checking' // verifying the hashes of downloaded chunks

/** The state of a catalogue entry's download. */
export interface DownloadState {
  /** `id` of a CatalogueEntry */
  source: string
  status: DownloadStatus
  parts: DownloadPart[]
  /** over the last seconds; null if nothing is being transferred */
  bytesPerSecond: number | null
  secondsLeft: number | null
  /** false: the server sends whole files only, so an interrupted file starts again from its beginning; null: not known yet */
  resumable: boolean | null
  /** a message for the person while it is running */
  note: string | null
  /** why it stopped by itself */
  error: ErrorData | null
}

/** Bytes that this site uses, its quota, and what is left of it, as the browser estimates: Chromium always reports 10 GiB left. */
export interface StorageSpace {
  usedBytes: number
  quotaBytes: number
  freeBytes: number
}

/** models.worker: downloads of model files to OPFS. */
export interface ModelsApi {
  /** the state of every catalogue entry */
  list(): Promise<DownloadState[]>
  /**
   * Starts or resumes a download, and verifies it. Resolves when it is complete or has stopped: `error` is why, null after pause or
   * remove. A second call joins the running download.
   * @param baseUrl of a mirror, ending in /; null: the hub
   */
  download(entryId: string, baseUrl: string | null, onState: (state: DownloadState) => void): Promise<DownloadState>
  /** stops a download or verification; the downloaded part stays */
  pause(entryId: string): Promise<void>
  /** verifies the downloaded chunks; damaged ones are fetched by the next download */
  verify(entryId: string, onState: (state: DownloadState) => void): Promise<DownloadState>
  /**
   * verifies every file of a model folder of this origin; rejects naming the first one with another SHA-256 than in kinora.json
   * @returns their bytes
   */
  verifyFolder(modelUrl: string): Promise<number>
  /** stops a running download, and deletes its files and their cached quantized copies */
  remove(entryId: string): Promise<void>
  /** bytes of the cached quantized copies of each entry, by its id; copies without a download are deleted first */
  copies(): Promise<Record<string, number>>
  space(): Promise<StorageSpace>
}

/** local-files.worker: models on the user's own disk, read in place. Handles are stored for later visits. */
export interface LocalFilesApi {
  /** local files chosen on earlier visits */
  list(): Promise<LocalFilesState[]>
  /** whether local files can be read now */
  states(localFiles: readonly LocalFiles[]): Promise<LocalFilesState[]>
  /**
   * Checks by headers that a place contains catalogue entries. Its handle is stored.
   * @param entryIds the entry that the place is chosen for, then others that a folder may contain
   * @param previous local files of these entries until now: their cached copies are deleted if the new files differ
   * @returns the local files of each entry found, in the order of `entryIds`
   * @throws AppError weights-missing, weights-corrupt saying what was found instead
   */
  choose(entryIds: readonly string[], place: LocalPlace, previous: readonly LocalFiles[]): Promise<LocalFiles[]>
  /** forgets local files, and deletes their cached copies */
  forget(localFiles: LocalFiles): Promise<void>
}
