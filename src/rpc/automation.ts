// The automation API, `window.kinora`: the page's workers for scripts. The command line drives the built page through it.
// Arguments and results are plain data, which browser drivers can pass; binary data is base64.
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { AdapterReport, DownloadState, GenerateOptions, SavedAsset, SavedVideo } from '../shared/worker-apis'
import type { GenerateResult, JobProgress } from '../shared/job'
import type { ModelManifest } from '../shared/model'
import type { Embeds, PromptEmbeds } from '../shared/prompt-embeds'
import type { GenerateRequest, MediaRef } from '../shared/request'
import { cancel, finishEarly, forgetJobs, generate, gpuBuffers, probe } from './generate'
import { openAsset, openClip, saveAsset, saveVideo } from './library'
import { fetchManifest, modelFolderUrl } from './manifest'
import { download, listDownloads } from './models'

/** GenerateOptions with base64 of little-endian f32 instead of arrays. */
export interface AutomationOptions {
  /** absolute URL of a model folder on this origin, ending in /; the starter by default */
  modelUrl?: string
  precision?: GenerateOptions['precision']
  weights?: GenerateOptions['weights']
  /** f32 [C, F', H', W'] */
  noise?: string
  /** f32 [L, width] each */
  embeds?: { prompt: string; negative?: string; width: number }
  keepLatents?: boolean
  autotune?: boolean
  /** saves a checkpoint after each step under this id; a job with the same id and request resumes from it */
  checkpoint?: string
}

/** A finished job: the result without its Blob; in base64 the WebM (or PNG of a still) and, with keepLatents, the latents f32 [C, F', H', W']. */
export type AutomationResult = (Omit<GenerateResult, 'blob'> & { ok: true; webm: string; latents?: string }) | { ok: false; error: ErrorData }

/** The API at `window.kinora`. */
export interface AutomationApi {
  generate(request: GenerateRequest, options?: AutomationOptions, onEvent?: (event: JobProgress) => void): Promise<AutomationResult>
  /** cancels the job with this `checkpoint`, which stays */
  cancel(jobId: string): Promise<void>
  /** ends the clip of the job with this `checkpoint` after the current chunk */
  finishEarly(jobId: string): Promise<void>
  /** deletes the checkpoints of these jobs */
  forgetJobs(ids: string[]): Promise<void>
  /** @param modelUrl absolute URL of a model folder, ending in /; the starter by default */
  manifest(modelUrl?: string): Promise<ModelManifest>
  /** the state of every catalogue entry */
  downloads(): Promise<DownloadState[]>
  /** starts or resumes a download; see ModelsApi. @param baseUrl of a mirror, ending in /; null: the hub */
  download(entryId: string, baseUrl: string | null, onState?: (state: DownloadState) => void): Promise<DownloadState>
  probe(): Promise<AdapterReport>
  /** saves an image or video, its bytes in base64, as a media asset for requests */
  saveAsset(name: string, type: string, bytes: string): Promise<SavedAsset>
  /** saves a video that this browser can decode; rejects others, naming the codec */
  saveVideo(name: string, type: string, bytes: string): Promise<SavedVideo>
  /** whether the clip, image or video that a request names is stored here */
  isStored(ref: MediaRef): Promise<boolean>
  /** live GPU buffers, and how many of them are weights; between jobs the two are equal */
  gpuBuffers(): Promise<{ live: number; weights: number }>
}

declare global {
  interface Window {
    kinora?: AutomationApi
  }
}

/** Installs the API. Events have no preview, which scripts do not use. */
export function openAutomationApi(): void {
  const starterUrl = modelFolderUrl('starter')
  window.kinora = {
    manifest: (modelUrl = starterUrl) => fetchManifest(modelUrl),
    downloads: listDownloads,
    download: (entryId, baseUrl, onState) => download(entryId, baseUrl, (state) => onState?.(state)),
    probe,
    gpuBuffers,
    cancel,
    finishEarly,
    forgetJobs,
    saveAsset: (name, type, bytes) => saveAsset(new File([base64ToBytes(bytes)], name, { type })),
    saveVideo: (name, type, bytes) => saveVideo(new File([base64ToBytes(bytes)], name, { type })),
    isStored: ({ kind, id }) =>
      (kind === 'clip' ? openClip(id) : openAsset(id)).then(
        () => true,
        () => false,
      ),
    async generate(request, options = {}, onEvent) {
      const { modelUrl = starterUrl, noise, embeds, checkpoint, ...rest } = options
      try {
        const { blob, latents, ...result } = await generate(
          checkpoint ?? crypto.randomUUID(),
          modelUrl,
          request,
          ({ preview: _preview, ...event }) => onEvent?.(event),
          {
            ...rest,
            checkpoint: checkpoint !== undefined,
            ...(noise && { noise: base64ToFloats(noise) }),
            ...(embeds && { embeds: decodeEmbeds(embeds, request.prompt) }),
          },
        )
        const webm = await bytesToBase64(blob)
        return { ok: true, ...result, webm, ...(latents && { latents: await bytesToBase64(new Blob([latents])) }) }
      } catch (error) {
        return { ok: false, error: toErrorData(error) }
      }
    },
  }
}

function decodeEmbeds({ prompt, negative, width }: NonNullable<AutomationOptions['embeds']>, usedPrompt: string): PromptEmbeds {
  const embeds = (base64: string): Embeds => {
    const values = base64ToFloats(base64)
    return { values, tokens: values.length / width, width, usedPrompt }
  }
  return { positive: embeds(prompt), ...(negative && { negative: embeds(negative) }) }
}

/** Base64 of a blob's bytes, by the browser's data: URL encoder, which handles hundreds of megabytes without a loop in JavaScript. */
function bytesToBase64(blob: Blob): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => {
      const url = String(reader.result)
      resolve(url.slice(url.indexOf(',') + 1))
    }
    reader.onerror = () => reject(reader.error ?? new Error('The bytes could not be read.'))
    reader.readAsDataURL(blob)
  })
}

function base64ToBytes(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

/** Little-endian f32 values from base64. */
function base64ToFloats(base64: string): Float32Array<ArrayBuffer> {
  return new Float32Array(base64ToBytes(base64).buffer)
}
