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

/** What the writer is at. Text is what it has written so far, as it came. */
export type EnhancerProgress = { stage: 'loading' } | { stage: 'reading' } | { stage: 'writing'; text: string }

/** writer.worker: a downloaded language model on onnxruntime-web. It stays in memory until the page ends the worker. */
export interface PromptEnhancerApi {
  /**
   * Writes a short prompt out as a paragraph; one at a time: another call stops the one before.
   * @param seed null: always the same text for the same words; else another one for each
   * @returns the model's text as it came, or as much as there was when it was stopped
   * @throws AppError weights-missing, weights-corrupt, out-of-memory
   */
  write(words: string, seed: number | null, onProgress: (progress: EnhancerProgress) => void): Promise<string>
  /** answers within one token; write() then returns what there is */
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
  /** sources of the model that are on the user's own disk */
  picks?: readonly LocalFiles[]
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
  generate(jobId: string, modelUrl: string, request: GenerateRequest, callbacks: JobCallbacks, options?: GenerateOptions): Promise<GenerateResult & { latents?: Float32Array<ArrayBuffer> }>
  /** answers within one step; an unknown job is no error */
  cancel(jobId: string): Promise<void>
  /** ends the clip with the window under way: it is saved as far as it has come. An unknown job is no error. */
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

/** A picture or video of the user's own that is kept for clips made around it. */
export interface KeptAsset {
  /** SHA-256 of its bytes, in hex */
  id: string
  name: string
  bytes: number
}

/** A video of the user's own that is kept. */
export interface KeptVideo extends KeptAsset {
  seconds: number
}

/** library.worker: clips and assets on OPFS, records in IndexedDB. */
export interface LibraryApi {
  /** newest first */
  list(): Promise<ClipRecord[]>
  /** @throws AppError not-found */
  open(id: string): Promise<Blob>
  remove(id: string): Promise<void>
  /** copies a file into the app's storage, so that a clip made around it can be made again */
  keepAsset(file: File): Promise<KeptAsset>
  /** keepAsset for a video, once a frame of it was decoded. @throws AppError unreadable-media naming the codec */
  keepVideo(file: File): Promise<KeptVideo>
  /** keeps the first or last frame of a clip, or a still, as a picture. @throws AppError not-found, unreadable-media */
  keepFrame(clipId: string, which: 'first' | 'last'): Promise<KeptAsset>
  /** @throws AppError not-found */
  openAsset(id: string): Promise<File>
  /** deletes kept files that neither a clip nor `named` names, and that no page has in its hand, unless they were written since. @returns how many */
  sweepAssets(named: readonly string[], beforeMs: number): Promise<number>
  /** a text tag of a video file, by its name; null where it has none */
  videoTag(file: Blob, name: string): Promise<string | null>
  /** bytes used by this site and what the browser grants it */
  usage(): Promise<{ usedBytes: number; quotaBytes: number }>
}

/** One file of a download. */
export interface DownloadPart {
  path: string
  /** bytes that are here, those of the chunk under way included */
  bytesDone: number
  /** in all; about, until the server was asked */
  bytesTotal: number
}

export type DownloadStatus =
  | 'absent' // nothing is here
  | 'paused' // something is here, nothing is under way
  | 'complete' // all is here and was found right
  | 'asking' // the server is asked how long the files are
  | 'downloading'
  | 'waiting' // a request failed and will be tried again: `note` says why
  | 'checking' // what is here is compared with its hashes

/** What the page shows of a model source. */
export interface DownloadState {
  /** `id` of a CatalogueEntry */
  source: string
  status: DownloadStatus
  parts: DownloadPart[]
  /** of the last seconds; null while nothing comes */
  bytesPerSecond: number | null
  secondsLeft: number | null
  /** false: the server sends whole files only, so that a file that breaks off is fetched from its beginning; null: not asked yet */
  resumable: boolean | null
  /** what the person should know while it goes on */
  note: string | null
  /** why it stopped without being asked to */
  error: ErrorData | null
}

/** Bytes that this site uses, that the browser grants it, and that are left of these: as it says, which in Chromium is always 10 GiB more than is used. */
export interface StorageSpace {
  usedBytes: number
  quotaBytes: number
  freeBytes: number
}

/** models.worker: the files of models, from their servers to this disk. */
export interface ModelsApi {
  /** every source of the table, and what is here of it */
  list(): Promise<DownloadState[]>
  /**
   * Downloads what is missing and checks it all; goes on where an earlier one stopped. Answers when it is complete or has
   * stopped: `error` says why, null after pause or remove. Calling it while it runs is to wait for the same one.
   * @param baseUrl of a mirror, ending in /; null: the hub
   */
  download(source: string, baseUrl: string | null, onState: (state: DownloadState) => void): Promise<DownloadState>
  /** stops a download or a verification; what is here stays */
  pause(source: string): Promise<void>
  /** reads all that is here and compares it with its hashes; what is damaged is forgotten, so that the next download fetches that alone */
  verify(source: string, onState: (state: DownloadState) => void): Promise<DownloadState>
  /**
   * compares every file of a model folder of this origin with the SHA-256 in its kinora.json; rejects naming the first that differs
   * @returns how many bytes they are
   */
  verifyFolder(modelUrl: string): Promise<number>
  /** stops it if it runs, and deletes what is here, with the quantized copies that were made of it */
  remove(source: string): Promise<void>
  /** bytes of the quantized copies of each source, by its id; copies whose download is gone are removed first */
  copies(): Promise<Record<string, number>>
  space(): Promise<StorageSpace>
}

/** disk.worker: models that are read from the user's own disk. Nothing of them is copied; of handles it is remembered what they are for. */
export interface LocalFilesApi {
  /** what was chosen on earlier visits, and where it stands */
  list(): Promise<LocalFilesState[]>
  /** where picks stand now */
  look(picks: readonly LocalFiles[]): Promise<LocalFilesState[]>
  /**
   * Checks by headers that a place holds a source, and takes it for that. A handle is remembered.
   * @param sources ids: what it is chosen for, and what a folder may supply besides
   * @param former picks of these sources until now: what was made of their weights is deleted where the new ones are others
   * @returns a pick for each source that is there, the first of `sources` first
   * @throws AppError weights-missing, weights-corrupt saying what was found instead
   */
  pick(sources: readonly string[], place: LocalPlace, former: readonly LocalFiles[]): Promise<LocalFiles[]>
  /** forgets a pick, and deletes what was made of its weights */
  forget(pick: LocalFiles): Promise<void>
}
