// A third architecture, for tests: the minimum of a new one. Patches of 1×2×2, one timestep for all tokens, no guidance, no
// frame encoder, and a text encoder of its own in the generate worker.
//
// N tokens, one per patch   C latent channels   D width   L text tokens   h, w latent pixels
import { AppError } from '../../src/shared/errors'
import type { ModelManifest } from '../../src/shared/model'
import type { Embeds } from '../../src/shared/prompt-embeds'
import type { Scope } from '../../workers/engine/scope'
import { dim, type FloatDType, type Tensor } from '../../workers/engine/tensor'
import type { Architecture, ForwardPass, OpenModel, VideoTransformer } from '../../workers/models/architecture'
import type { FramesToPixels, VideoDecoder } from '../../workers/models/autoencoder'
import { linspaceSigmas, setTimesteps } from '../../workers/models/flow-match-scheduler'
import { loadOnGpu } from '../../workers/models/load-on-gpu'
import { loadLinear } from '../../workers/models/load-linear'
import { readFrames } from '../../workers/models/read-frames'
import { sinusoids } from '../../workers/models/timestep-embedding'
import { weightSource, type WeightSource } from '../../workers/models/weight-source'
import { attention } from '../../workers/ops/attention'
import { framesToRgba } from '../../workers/ops/frames-to-rgba'
import { sliceFrames } from '../../workers/ops/frames'
import { linear, type LinearWeight } from '../../workers/ops/linear'
import { norm } from '../../workers/ops/norm'
import { pixelShuffle } from '../../workers/ops/pixel-shuffle'
import { fetchModelFile, modelFile } from '../../workers/weights/fetch-file'
import { openSafetensors } from '../../workers/weights/safetensors'
import { SIZES } from './sizes'

/** Inputs of the timestep's linear layer: see sinusoids. */
const TIME_INPUTS = 256
const EPS = 1e-6

/** See Architecture. */
export const tinyDit: Architecture = {
  open: (_signal, url, manifest) => Promise.resolve(openTinyDit(url, manifest)),
  shape: () => Promise.reject(new AppError('not-found', 'tinyDit is not in the catalogue: it has no estimate.')),
}

function openTinyDit(url: string, manifest: ModelManifest): OpenModel {
  const opened = { url, identity: JSON.stringify([url, manifest.version]), manifest }
  const weights = async (signal: AbortSignal) => weightSource(openSafetensors(await fetchModelFile(signal, url, modelFile(manifest, 'weights.safetensors'))))
  return {
    ...opened,
    encoderIdentity: opened.identity,
    async embed(signal, _gpu, prompts) {
      const table = (await weights(signal)).get('words.weight').values
      return prompts.map((prompt) => embedWords(prompt, table))
    },
    async load(signal, gpu, options, onProgress) {
      onProgress({ stage: 'loading' })
      const source = await weights(signal)
      return loadOnGpu(gpu, opened, options, (scope) => ({
        transformer: new TinyTransformer(scope, source, options.precision),
        patch: { patch: SIZES.patch, patchTime: 1 },
        textWidth: SIZES.textWidth,
        positions: () => undefined,
        decoder: new TinyDecoder(loadLinear(scope, source, 'decoder', 3 * SIZES.scaleTime * SIZES.scaleSpace ** 2, SIZES.channels, 'f32')),
        schedule: (steps) => setTimesteps({ num_train_timesteps: 1000 }, { sigmas: linspaceSigmas(steps) }),
        ancestral: false,
      }))
    },
  }
}

/** One row of the table per word, by a hash of its letters; and one for the end. @param table f32 [vocabulary, textWidth] */
function embedWords(prompt: string, table: Float32Array): Embeds {
  const { vocabulary, textWidth } = SIZES
  const ids = prompt
    .split(/\s+/)
    .filter(Boolean)
    .map((word) => [...word].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % (vocabulary - 1), 7))
  const rows = [...ids, vocabulary - 1]
  const values = new Float32Array(rows.length * textWidth)
  rows.forEach((id, row) => values.set(table.subarray(id * textWidth, (id + 1) * textWidth), row * textWidth))
  return { values, tokens: rows.length, width: textWidth, usedPrompt: prompt }
}

interface Block {
  query: LinearWeight
  key: LinearWeight
  value: LinearWeight
  out: LinearWeight
  feedIn: LinearWeight
  feedOut: LinearWeight
}

/** Video tokens and text tokens in one sequence: [1, N + L, D]. */
interface TinyEvaluation extends ForwardPass {
  tokens: number
}

class TinyTransformer implements VideoTransformer<Tensor, undefined, TinyEvaluation> {
  readonly width = SIZES.width
  private readonly tokensIn: LinearWeight
  private readonly tokensOut: LinearWeight
  private readonly words: LinearWeight
  private readonly time: LinearWeight
  private readonly blocks: readonly Block[]

  constructor(
    scope: Scope,
    source: WeightSource,
    private readonly dtype: FloatDType,
  ) {
    const { width, channels, patch, textWidth, blocks } = SIZES
    const take = (name: string, out: number, inputs: number) => loadLinear(scope, source, name, out, inputs, 'f32')
    const tokenSize = channels * patch ** 2
    this.tokensIn = take('tokens_in', width, tokenSize)
    this.tokensOut = take('tokens_out', tokenSize, width)
    this.words = take('text_in', width, textWidth)
    this.time = take('time', width, TIME_INPUTS)
    this.blocks = Array.from({ length: blocks }, (_, index) => ({
      query: take(`blocks.${index}.query`, width, width),
      key: take(`blocks.${index}.key`, width, width),
      value: take(`blocks.${index}.value`, width, width),
      out: take(`blocks.${index}.out`, width, width),
      feedIn: take(`blocks.${index}.feed_in`, 4 * width, width),
      feedOut: take(`blocks.${index}.feed_out`, width, 4 * width),
    }))
  }

  prepareText(scope: Scope, embeds: Tensor): Tensor {
    return linear(scope, embeds, this.words, { dtype: 'f32' }) // [1, L, D]
  }

  forward(scope: Scope, tokens: Tensor, text: Tensor, _positions: undefined, timesteps: Float32Array): Tensor {
    return scope.within((inner) => {
      const evaluation = this.begin(inner, tokens, text, undefined, timesteps)
      this.runBlocks(evaluation)
      return this.velocity(scope, evaluation)
    })
  }

  begin(scope: Scope, tokens: Tensor, text: Tensor, _positions: undefined, timesteps: Float32Array): TinyEvaluation {
    if (timesteps.length !== 1) throw new Error(`tinyDit: expected one timestep, got ${timesteps.length}.`)
    const count = dim(tokens, 1)
    const x = scope.joined([linear(scope, tokens, this.tokensIn, { dtype: 'f32' }), text], [1, count + dim(text, 1), SIZES.width])
    const rows = new Float32Array(dim(x, 1) * TIME_INPUTS)
    for (let row = 0; row < dim(x, 1); row++) rows.set(sinusoids(timesteps), row * TIME_INPUTS)
    linear(scope, scope.upload(rows, [1, dim(x, 1), TIME_INPUTS], 'f32'), this.time, { addTo: x })
    return { scope, x, tokens: count } // [1, N + L, D]
  }

  runBlocks({ scope, x }: TinyEvaluation, first = 0, end: number = SIZES.blocks): void {
    for (const { query, key, value, out, feedIn, feedOut } of this.blocks.slice(first, end)) {
      scope.within((inner) => {
        const y = norm(inner, x, { kind: 'rms', eps: EPS, dtype: this.dtype })
        const seen = attention(inner, linear(inner, y, query), linear(inner, y, key), linear(inner, y, value), { heads: SIZES.heads })
        linear(inner, seen, out, { addTo: x })
        const z = norm(inner, x, { kind: 'rms', eps: EPS, dtype: this.dtype })
        linear(inner, linear(inner, z, feedIn, { activation: 'gelu-tanh' }), feedOut, { addTo: x })
      })
    }
  }

  velocity(scope: Scope, { x, tokens }: TinyEvaluation): Tensor {
    return scope.within((inner) => {
      const own = { ...norm(inner, x, { kind: 'layer', eps: EPS, dtype: 'f32' }), shape: [1, tokens, SIZES.width] } // the text tokens are after the video tokens
      return linear(scope, own, this.tokensOut, { dtype: 'f32' }) // [1, N, C·p²]
    })
  }
}

/** One linear map from a latent pixel to its pixels and frames. */
class TinyDecoder implements VideoDecoder {
  readonly config = { latents_mean: Array<number>(SIZES.channels).fill(0), latents_std: Array<number>(SIZES.channels).fill(1) }

  constructor(private readonly map: LinearWeight) {}

  async *decode(
    signal: AbortSignal,
    scope: Scope,
    z: Tensor,
    _noise?: unknown,
    pixels: FramesToPixels = framesToRgba,
  ): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined> {
    await scope.gpu.compile(() => scope.within((inner) => void pixels(inner, this.frames(inner, z, 0))))
    yield* readFrames(signal, scope, this.groups(scope, z, pixels))
  }

  private *groups(scope: Scope, z: Tensor, pixels: FramesToPixels): Generator<Tensor, void, undefined> {
    for (let at = 0; at < dim(z, 0); at++) yield scope.within((inner) => pixels(scope, this.frames(inner, z, at)))
  }

  /** The frames of a latent frame, f32 [T, H, W, 3] in −1 … 1; the first latent frame has one. */
  private frames(scope: Scope, z: Tensor, at: number): Tensor {
    const cells = linear(scope, sliceFrames(scope, z, at, 1), this.map, { dtype: 'f32' }) // [1, h, w, 3·T·s·s]
    return pixelShuffle(scope, cells, { time: SIZES.scaleTime, space: SIZES.scaleSpace, dropFirst: at === 0 ? SIZES.scaleTime - 1 : 0, limit: 1 })
  }

  preview(scope: Scope, z: Tensor): Tensor {
    return scope.within((inner) => framesToRgba(scope, this.frames(inner, z, 0)))
  }
}
