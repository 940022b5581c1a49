// What a generate worker holds between jobs: the device, the model last used, and the embeds of recent prompts.
import type { Embeds } from '../../src/shared/prompt-embeds'
import type { JobProgress } from '../../src/shared/job'
import { AppError } from '../../src/shared/errors'
import { openGpu, type Gpu } from '../engine/device'
import { fitsInMemory } from '../engine/buffer-pool'
import type { LoadedModel, LoadOptions, OpenModel, TextServices } from '../models/architecture'

const CACHED_PROMPTS = 64

/** Opened lazily, forgotten when the device is lost, so that the next job starts afresh. */
export class ModelHost {
  private gpuOpened: Promise<Gpu> | undefined
  private model: LoadedModel | undefined
  private readonly embeds = new Map<string, Embeds>()

  /** @throws AppError no-webgpu, no-adapter */
  gpu(): Promise<Gpu> {
    this.gpuOpened ??= this.open()
    return this.gpuOpened
  }

  private async open(): Promise<Gpu> {
    try {
      // a browser without WebGPU has no such property, whatever its type says
      const api = navigator.gpu as GPU | undefined
      if (!api) throw new AppError('no-webgpu', 'This browser does not have WebGPU.', {})
      const gpu = await openGpu(api)
      void gpu.lost.then(() => this.forget())
      return gpu
    } catch (error) {
      this.gpuOpened = undefined
      throw error
    }
  }

  private forget(): void {
    this.model = undefined
    this.gpuOpened = undefined
  }

  /** The model's weights, loaded now unless it is the one last used and has not changed. Another model's weights are freed first. */
  async load(signal: AbortSignal, gpu: Gpu, model: OpenModel, options: LoadOptions, onProgress: (event: JobProgress) => void): Promise<LoadedModel> {
    onProgress({ stage: 'loading' })
    const current = this.model
    const key = (one: { url: string; identity: string; manifest: unknown }, how: LoadOptions) =>
      JSON.stringify([one.url, one.identity, one.manifest, how.precision, how.weights])
    if (current?.isLoaded() && key(current, current.options) === key(model, options)) return current
    current?.close()
    this.model = undefined
    this.model = await model.load(signal, gpu, options, onProgress)
    return this.model
  }

  /** The embeds of prompts, from the cache or by the model's encoder, whose memory is free again afterwards. */
  async embed(signal: AbortSignal, gpu: Gpu, model: OpenModel, prompts: readonly string[], text: TextServices): Promise<Embeds[]> {
    const key = (prompt: string) => JSON.stringify([model.encoderIdentity, prompt])
    const missing = [...new Set(prompts.filter((prompt) => !this.embeds.has(key(prompt))))]
    if (missing.length > 0) {
      const encoded = await model.embed(signal, gpu, missing, text)
      missing.forEach((prompt, index) => this.embeds.set(key(prompt), encoded[index] as Embeds))
    }
    const found = prompts.map((prompt) => this.embeds.get(key(prompt)) as Embeds)
    for (const oldest of this.embeds.keys()) {
      if (this.embeds.size <= CACHED_PROMPTS) break
      this.embeds.delete(oldest)
    }
    return found
  }

  /** Whether the GPU can give so many bytes beside what it holds. @throws AppError no-webgpu, no-adapter */
  async fits(bytes: number): Promise<boolean> {
    return fitsInMemory((await this.gpu()).device, bytes)
  }

  /** Buffers on the GPU: all of them, and how many are the loaded model's weights. */
  async buffers(): Promise<{ live: number; weights: number }> {
    const gpu = await this.gpuOpened
    return { live: gpu?.pool.liveBuffers ?? 0, weights: this.model?.isLoaded() ? this.model.weightBuffers : 0 }
  }

  /** Frees the weights and the device. */
  async unload(): Promise<void> {
    const gpu = await this.gpuOpened
    this.model?.close()
    this.forget()
    gpu?.close()
  }
}
