// What the pipeline asks of any model, whatever files it comes from.
import type { GenerateOptions, JobCallbacks } from '../../src/shared/worker-apis'
import type { JobProgress } from '../../src/shared/job'
import type { ModelManifest } from '../../src/shared/model'
import type { Gpu } from '../engine/device'
import type { FloatDType } from '../engine/tensor'
import type { VideoDecoder } from '../models/autoencoder'
import type { SchedulerConfig } from '../models/flow-match-scheduler'
import type { ScheduleSource } from '../models/ltx/schedule'
import type { LtxTransformer } from '../models/ltx/transformer'
import type { FrameEncoder } from './encode-conditioning'

/** A prompt's embedding: f32 [L, E]. */
export interface PromptEmbedding {
  values: Float32Array<ArrayBuffer>
  tokens: number
  width: number
  usedPrompt: string
}

/** How a model is run where its scheduler's config does not say it: a preset's sigmas, the file's sampler. */
export type Sampling = Omit<ScheduleSource, 'config'> & { stochastic?: boolean }

/** What a model's weights become on the GPU. */
export interface LoadOptions {
  /** of activations and of what is not quantized */
  precision: FloatDType
  /** see GenerateOptions */
  weights?: GenerateOptions['weights']
}

/** A model whose files are known, and of which nothing is on the GPU yet. */
export interface OpenModel {
  url: string
  /** differs where the weights do, which an address that names a file of the user's disk does not tell */
  identity: string
  manifest: ModelManifest
  /** differs where the same words have other embeddings */
  encoderIdentity: string
  /** embeddings of prompts, in their order; of the GPU's memory nothing stays taken. Tells of an encoder that must be prepared first. */
  embed(signal: AbortSignal, gpu: Gpu, prompts: readonly string[], callbacks: JobCallbacks): Promise<PromptEmbedding[]>
  /** @throws AppError weights-missing, weights-truncated, weights-corrupt, out-of-memory; AbortError */
  load(signal: AbortSignal, gpu: Gpu, options: LoadOptions, onProgress: (event: JobProgress) => void): Promise<LoadedModel>
}

/** A model ready to generate. Its weights are on the GPU until close(). */
export interface LoadedModel {
  url: string
  identity: string
  manifest: ModelManifest
  options: LoadOptions
  transformer: LtxTransformer
  autoencoder: VideoDecoder
  /** from pixels to latents; a model without it makes clips from words alone */
  encoder?: FrameEncoder
  /** f32 [2, C]: standard deviation and mean of each raw latent channel; on the host, for decoding outlasts the transformer's weights */
  latentScale: Float32Array<ArrayBuffer>
  schedulerConfig: SchedulerConfig
  sampling?: Sampling
  weightGpuBytes: number
  /** GPU buffers that hold them */
  weightBuffers: number
  /** false once its weights are freed, which decoding may do where there is no room for both */
  isLoaded(): boolean
  close(): void
}
