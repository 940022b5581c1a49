// How long one block of a transformer takes on this GPU: measured with matrices that hold nothing, so that a model need not be here.
import type { BlockTime } from '../../../src/shared/time-estimate'
import type { Gpu } from '../../engine/device'
import { withScope, type Scope } from '../../engine/scope'
import { LtxTransformer, type TransformerOptions } from './transformer'
import { PANEL } from '../../ops/linear-weight'
import { allocLinear } from '../../ops/quantize'
import type { LoadedWeights, WeightStream } from '../../ops/weight-stream'

/** What all measuring together should take, compiling and the first run of a kernel left out. */
const BUDGET_MS = 1500
/** Tokens of the first measurement of a block 1024 wide; more where it is narrower, fewer than which are no work. */
const FEWEST = 16
const MOST = 4096
/** Between one number of tokens and the next. */
const GROWTH = 4
/** Runs of each; the median counts. One that takes long is not repeated. */
const RUNS = 3
const LONG_MS = 150
const VERY_LONG_MS = 2000
/** Of a prompt. */
const WORDS = 64
/** One quick block alone would measure how long a submit takes: a run has so many one after the other. */
const MOST_REPEATS = 8

/**
 * Measures a block for more and more tokens while that stays short.
 * @param config of LTXVideoTransformer3DModel
 * @returns fewest tokens first, at least one
 */
export function probeBlock(signal: AbortSignal, gpu: Gpu, config: Record<string, unknown>, options: TransformerOptions): Promise<BlockTime[]> {
  return withScope(gpu, async (scope) => {
    const transformer = await LtxTransformer.stream(signal, scope, { ...config, num_layers: 1 }, hollowWeights(), options)
    const { in_channels: channels, caption_channels: caption } = transformer.config
    const text = transformer.prepareText(scope, scope.upload(new Float32Array(WORDS * caption), [1, WORDS, caption], 'f32'))
    const measured: BlockTime[] = []
    const fewest = FEWEST * Math.max(1, Math.round(1024 / transformer.width))
    for (let tokens = fewest, left = BUDGET_MS; tokens <= MOST; tokens *= GROWTH) {
      const last = measured.at(-1)
      // two show what a block takes however few its tokens are; only where one is very slow that is left open
      if (last && (measured.length > 1 ? last.ms * GROWTH * 2 > left : last.ms > VERY_LONG_MS)) break
      signal.throwIfAborted()
      const { ms, spentMs } = await withScope(gpu, (own) => measure(own, tokens, channels, transformer, text))
      measured.push({ tokens, ms })
      left -= spentMs
    }
    return measured
  })
}

async function measure(
  scope: Scope,
  tokens: number,
  channels: number,
  transformer: LtxTransformer,
  text: ReturnType<LtxTransformer['prepareText']>,
): Promise<{ ms: number; spentMs: number }> {
  const { gpu } = scope
  const x = scope.upload(new Float32Array(tokens * channels), [1, tokens, channels], 'f32')
  const rope = transformer.prepareCoordinates(scope, new Float32Array(3 * tokens))
  const run = (inner: Scope) => void transformer.forward(inner, x, text, rope, Float32Array.of(500))
  await gpu.compile(() => scope.within(run))
  const timed = async (repeats: number): Promise<number> => {
    await gpu.settle()
    const start = performance.now()
    for (let i = 0; i < repeats; i++) scope.within(run)
    await gpu.settle()
    return (performance.now() - start) / repeats
  }
  await timed(1) // drivers finish compiling when a kernel first runs: that is no part of a step
  const start = performance.now()
  const first = await timed(1)
  const repeats = Math.max(1, Math.min(MOST_REPEATS, Math.floor(20 / Math.max(first, 0.1))))
  const times = [repeats === 1 ? first : await timed(repeats)]
  while (times.length < RUNS && (times[0] as number) < LONG_MS) times.push(await timed(repeats))
  return { ms: times.sort((a, b) => a - b)[Math.floor(times.length / 2)] as number, spentMs: performance.now() - start }
}

/** Weights of any name and size whose contents do not matter. */
function hollowWeights(): WeightStream {
  const nothing = () => Promise.reject(new Error('block-probe: hollow weights have no values.'))
  return {
    has: () => true,
    isInt8: () => false,
    read(_signal, scope, requests) {
      const loaded: LoadedWeights = { linear: new Map(), floats: new Map() }
      for (const request of requests) {
        if (request.kind === 'floats')
          loaded.floats.set(request.name, scope.upload(new Float32Array(request.shape.reduce((a, b) => a * b, 1)), request.shape, 'f32'))
        else {
          const panels = Math.ceil(request.out / PANEL)
          loaded.linear.set(request.name, {
            ...allocLinear(scope, request.out, request.in, request.format),
            bias: scope.upload(new Float32Array(panels * PANEL), [panels, PANEL], 'f32'),
          })
        }
      }
      return Promise.resolve(loaded)
    },
    floats: nothing,
    rows: nothing,
  }
}
