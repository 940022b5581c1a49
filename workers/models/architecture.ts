// What the pipeline asks of a model, whatever its architecture. Each architecture has a folder beside this file and a line in
// registry.ts; nothing outside workers/models imports one.
//
// N tokens of a clip, one a spacetime patch   C channels of a token   L text tokens   E text width   D inner width
import type { JobProgress } from '../../src/shared/job'
import type { ModelManifest } from '../../src/shared/model'
import type { CatalogueEntry } from '../../src/shared/model-catalogue'
import type { BlockTime } from '../../src/shared/time-estimate'
import type { Embeds } from '../../src/shared/prompt-embeds'
import type { GenerateOptions, TextApi } from '../../src/shared/worker-apis'
import type { Gpu } from '../engine/device'
import type { Scope } from '../engine/scope'
import type { FloatDType, Tensor } from '../engine/tensor'
import type { PatchSize } from '../ops/patchify'
import type { VideoDecoder } from './autoencoder'
import type { Schedule } from './flow-match-scheduler'
import type { ModelFiles } from './model-files'

/** Sizes of a clip's latent: F' frames of H' × W' latent pixels with C channels. Host arrays and tensors of it are channels last, [F', H', W', C]. */
export interface LatentGrid {
  channels: number
  frames: number
  height: number
  width: number
}

/** A forward pass of a transformer under way. Its tensors belong to `scope`. */
export interface ForwardPass {
  scope: Scope
  /** f32 [B, N, D], the residual stream: blocks add to it in place */
  x: Tensor
}

/**
 * A diffusion transformer on the GPU. `Text` and `Positions` are its own: the pipeline passes them through unread.
 * All methods only dispatch; none reads back.
 */
export interface VideoTransformer<Text = unknown, Positions = unknown, Run extends ForwardPass = ForwardPass> {
  /** D, for memory estimates */
  readonly width: number
  /** What a prompt is to the blocks, computed once a job. @param embeds f32 [1, L, E] */
  prepareText(scope: Scope, embeds: Tensor): Text
  /**
   * One forward pass: the velocity of every token, f32 [1, N, C].
   * @param tokens f32 [1, N, C]
   * @param timesteps 0 … 1000: one for all, or one a token where the model has per-token timesteps
   * @param skipBlocks blocks that skip self-attention: the perturbed model of spatio-temporal guidance
   */
  forward(scope: Scope, tokens: Tensor, text: Text, positions: Positions, timesteps: Float32Array, skipBlocks?: readonly number[]): Tensor
  /** The part of `forward` before the first block. */
  begin(scope: Scope, tokens: Tensor, text: Text, positions: Positions, timesteps: Float32Array, skipBlocks?: readonly number[]): Run
  /** Runs the blocks from `first` up to `end`. */
  runBlocks(pass: Run, first?: number, end?: number): void
  /** The part of `forward` after the last block; the result is in `scope`, which may be another than the pass's. */
  velocity(scope: Scope, pass: Run): Tensor
}

/** Frames that can be read as tensors, for an encoder that takes a few at a time. */
export interface FrameSource {
  /** T·k + 1 */
  frames: number
  height: number
  width: number
  /** f32 [count, H, W, 3] in −1 … 1, in `scope` */
  read(scope: Scope, first: number, count: number): Tensor | Promise<Tensor>
}

/** The encoder half of an autoencoder. */
export interface FrameEncoder {
  /** the mean of the frames' raw latents, f32 [F', H', W', C] in `scope` */
  encode(signal: AbortSignal, scope: Scope, frames: FrameSource): Promise<Tensor>
  /** f32 [C] each: raw latents are normalized to (z − mean)·scaling / std */
  mean: ArrayLike<number>
  std: ArrayLike<number>
  /** default 1 */
  scaling?: number
  /** T: frames of a latent frame */
  scaleTime: number
}

/** What a model's weights become on the GPU. */
export interface LoadOptions {
  /** of activations and of what is not quantized */
  precision: FloatDType
  /** see GenerateOptions */
  weights?: GenerateOptions['weights']
}

/** What encoding text may use beside the GPU. */
export interface TextServices {
  /** in a text worker of its own, which has ended when the embeds are there */
  encodeText: TextApi['encode']
  report: (progress: JobProgress) => void
}

/** A model whose files are found, and of which nothing is on the GPU yet. */
export interface OpenModel {
  url: string
  /** differs where the weights do: the address of a local file says nothing about its content */
  identity: string
  manifest: ModelManifest
  /** differs where the same prompt has another embedding */
  encoderIdentity: string
  /** The embeds of prompts, in their order. The GPU memory it takes is free again afterwards. Reports an encoder that must be prepared first. */
  embed(signal: AbortSignal, gpu: Gpu, prompts: readonly string[], text: TextServices): Promise<Embeds[]>
  /** @throws AppError weights-missing, weights-truncated, weights-corrupt, out-of-memory; AbortError */
  load(signal: AbortSignal, gpu: Gpu, options: LoadOptions, onProgress: (event: JobProgress) => void): Promise<LoadedModel>
}

/** The parts of a model that its architecture brings. */
export interface ModelParts {
  transformer: VideoTransformer
  /** sides of the transformer's patches, in latent pixels and latent frames */
  patch: PatchSize
  /** E, what an embedding handed in from outside must have */
  textWidth: number
  /**
   * Positions of a clip's tokens for the transformer, computed once a job.
   * @param appended frames of the clip at which latent frames that are appended behind the grid begin
   */
  positions(scope: Scope, grid: LatentGrid, fps: number, appended: readonly number[]): unknown
  decoder: VideoDecoder
  /** from frames to latents; a model without it is text to video only */
  encoder?: FrameEncoder
  /**
   * The noise levels of a job.
   * @param tokens of the clip, without appended ones
   * @throws AppError bad-request where a distilled model does not support so many steps
   */
  schedule(steps: number, tokens: number): Schedule
  /** ancestral sampling: each step goes to the estimate and back to the next noise level with fresh noise */
  ancestral: boolean
}

/** A model ready to generate. Its weights are on the GPU until close(). */
export interface LoadedModel extends ModelParts {
  url: string
  identity: string
  manifest: ModelManifest
  options: LoadOptions
  weightGpuBytes: number
  /** GPU buffers that hold them */
  weightBuffers: number
  /** false once its weights are freed, which decoding may do where there is no memory for both */
  isLoaded(): boolean
  close(): void
}

/** What is timed and counted of a model before it is downloaded. */
export interface ModelShape {
  /** one block of the transformer, with weights of any value */
  probe(signal: AbortSignal, gpu: Gpu): Promise<BlockTime[]>
  /** D */
  width: number
  blocks: number
  /** floating-point operations of the decoder for each latent pixel */
  decoderFlops: number
}

/** What an architecture does with files: the entry that registry.ts names. */
export interface Architecture {
  /**
   * Finds a model's files.
   * @param url absolute URL of a model folder, ending in /, or the address of a downloaded model
   * @throws AppError not-found, weights-missing, weights-corrupt
   */
  open(signal: AbortSignal, url: string, manifest: ModelManifest, localFiles: NonNullable<GenerateOptions['localFiles']>): Promise<OpenModel>
  /**
   * Checks by headers alone that files are those of a catalogue entry.
   * @returns false where the architecture does not use the entry
   * @throws AppError weights-missing, weights-corrupt
   */
  checkFiles?(signal: AbortSignal, entry: CatalogueEntry, files: ModelFiles): Promise<boolean>
  /** @throws AppError not-found, weights-missing, weights-corrupt */
  shape(signal: AbortSignal, url: string, manifest: ModelManifest): Promise<ModelShape>
}
