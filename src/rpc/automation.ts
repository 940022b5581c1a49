// `window.kinora`: the page's own workers for scripts. The command line drives the built page through it.
// Everything that crosses is plain data, so that a browser driver can pass it; binary data is base64.
import { toErrorData } from '../shared/errors'
import type { ErrorData } from '../shared/errors'
import type { AdapterReport, DownloadState, GenerateOptions, KeptAsset, KeptVideo } from '../shared/worker-apis'
import type { GenerateResult, JobProgress } from '../shared/job'
import type { ModelManifest } from '../shared/model'
import type { Embeds, PromptEmbeds } from '../shared/prompt-embeds'
import type { GenerateRequest } from '../shared/request'
import { base64ToBytes, base64ToFloats, bytesToBase64 } from './base64'
import { cancel, finishEarly, forgetJobs, generate, gpuBuffers, probe } from './generate'
import { keepAsset, keepVideo } from './library'
import { fetchManifest, modelFolderUrl } from './model'
import { download, listDownloads } from './models'

/** GenerateOptions with base64 of little-endian f32 in place of arrays. */
export interface AutomationOptions {
  /** absolute URL of a model folder on this origin, ending in /; the starter when left out */
  modelUrl?: string
  precision?: GenerateOptions['precision']
  weights?: GenerateOptions['weights']
  /** f32 [C, F', H', W'] */
  noise?: string
  /** f32 [L, width] each */
  embeds?: { prompt: string; negative?: string; width: number }
  keepLatents?: boolean
  autotune?: boolean
  /** keeps what each step came to under this id; a job of the same id and request goes on from there */
  checkpoint?: string
}

/** A finished job: the result without its Blob, the WebM (of a still the PNG) and (with keepLatents) the latents f32 [C, F', H', W'] in base64. */
export type AutomationResult =
  | (Omit<GenerateResult, 'blob'> & { ok: true; webm: string; latents?: string })
  | { ok: false; error: ErrorData }

/** What scripts find at `window.kinora`. */
export interface AutomationApi {
  generate(request: GenerateRequest, options?: AutomationOptions, onEvent?: (event: JobProgress) => void): Promise<AutomationResult>
  /** stops the job with this `checkpoint`; what is kept of it stays */
  cancel(jobId: string): Promise<void>
  /** ends the clip of the job with this `checkpoint` at the end of the window under way */
  finishEarly(jobId: string): Promise<void>
  /** deletes what is kept of these jobs */
  forgetJobs(ids: string[]): Promise<void>
  /** @param modelUrl absolute URL of a model folder, ending in /; the starter when left out */
  manifest(modelUrl?: string): Promise<ModelManifest>
  /** every source of the table, and what is here of it */
  downloads(): Promise<DownloadState[]>
  /** downloads a source, or goes on with it; see ModelsApi. @param baseUrl of a mirror, ending in /; null: the hub */
  download(source: string, baseUrl: string | null, onState?: (state: DownloadState) => void): Promise<DownloadState>
  probe(): Promise<AdapterReport>
  /** keeps a picture or video, its bytes in base64, as a source of requests */
  keepAsset(name: string, type: string, bytes: string): Promise<KeptAsset>
  /** keeps a video that this browser can decode; rejects naming the codec of another */
  keepVideo(name: string, type: string, bytes: string): Promise<KeptVideo>
  /** GPU buffers that live now, and how many of them are weights; between jobs the two are equal */
  gpuBuffers(): Promise<{ live: number; weights: number }>
}

declare global {
  interface Window {
    kinora?: AutomationApi
  }
}

/** Opens the door. Events come without their preview, which no script prints. */
export function openAutomationApi(): void {
  const starterUrl = modelFolderUrl('starter')
  window.kinora = {
    manifest: (modelUrl = starterUrl) => fetchManifest(modelUrl),
    downloads: listDownloads,
    download: (source, baseUrl, onState) => download(source, baseUrl, (state) => onState?.(state)),
    probe,
    gpuBuffers,
    cancel,
    finishEarly,
    forgetJobs,
    keepAsset: (name, type, bytes) => keepAsset(new File([base64ToBytes(bytes)], name, { type })),
    keepVideo: (name, type, bytes) => keepVideo(new File([base64ToBytes(bytes)], name, { type })),
    async generate(request, options = {}, onEvent) {
      const { modelUrl = starterUrl, noise, embeds, checkpoint, ...rest } = options
      try {
        const { blob, latents, ...result } = await generate(
          checkpoint ?? crypto.randomUUID(),
          modelUrl,
          request,
          ({ preview: _preview, ...event }) => onEvent?.(event),
          { ...rest, checkpoint: checkpoint !== undefined, ...(noise && { noise: base64ToFloats(noise) }), ...(embeds && { embeds: decodeEmbeds(embeds, request.prompt) }) },
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
