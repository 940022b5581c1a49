// LTX-Video's autoencoder as a list of units that run in time order, in the order of ltx-autoencoder-sizes.ts.
import type { Scope } from '../../engine/scope'
import { conv } from '../../ops/conv'
import { pixelShuffle, pixelUnshuffle } from '../../ops/pixel-shuffle'
import { conditionBy, embedStageTime, normSilu, RESIDUAL_SLOTS, type Conditioning, type Pass } from './autoencoder-block'
import type { LtxAutoencoderConfig } from './autoencoder-config'
import { convUnit, foldUnit, frameUnit, residualUnit, unfoldUnit, windowedUnit, type StreamContext, type StreamUnit } from './autoencoder-stream'
import { LAST_SLOTS, type Decoder, type Encoder, type Stage } from './autoencoder-weights'

/** What the clip's timestep does to each norm of the decoder. */
export interface DecoderConditioning {
  /** of the residual blocks, in order; none where they are not conditioned */
  blocks: (Conditioning | undefined)[]
  last?: Conditioning
}

/** Embeds the pass's timestep once for all frames and tiles. @param rows the most rows of any norm */
export function conditionDecoder(scope: Scope, decoder: Decoder, pass: Pass, rows: number): DecoderConditioning {
  const { last } = decoder
  if (!last) return { blocks: [] }
  const rowOf = scope.upload(new Uint32Array(rows), [rows], 'u32')
  const ofStage = ({ time, residuals }: Stage) =>
    scope.within((inner) => {
      const vectors = time && embedStageTime(inner, time, pass)
      return residuals.map(({ table }) => table && vectors && { ...conditionBy(scope, vectors, table, RESIDUAL_SLOTS), rowOf })
    })
  return {
    blocks: [decoder.middle, ...decoder.stages].flatMap(ofStage),
    last: { ...scope.within((inner) => conditionBy(scope, embedStageTime(inner, last.time, pass), last.table, LAST_SLOTS)), rowOf },
  }
}

/** z f32 [n, h, w, Z] → f32 [n', H, W, 3]. @param atOnce frames at once of each unit */
export function decoderUnits(
  context: StreamContext,
  decoder: Decoder,
  config: LtxAutoencoderConfig,
  atOnce: readonly number[],
  { blocks, last }: DecoderConditioning,
): StreamUnit[] {
  const next = inTurn(atOnce)
  const conditionings = blocks.values()
  const residuals = (stage: Stage) => stage.residuals.map((block) => residualUnit(context, block, next(), conditionings.next().value))
  const units = [convUnit(context, decoder.convIn, next()), ...residuals(decoder.middle)]
  for (const stage of decoder.stages) {
    if (stage.convIn) units.push(residualUnit(context, stage.convIn, next()))
    if (stage.plan.up && stage.up) units.push(unfoldUnit(context, stage.up, stage.plan.up, next()))
    units.push(...residuals(stage))
  }
  const { dtype } = context.pass
  const toPixels = (scope: Scope, patches: Parameters<typeof pixelShuffle>[1]) =>
    pixelShuffle(scope, patches, { time: config.patch_size_t, space: config.patch_size, order: 'ctxy' })
  units.push(
    windowedUnit(context, next(), {
      before: (scope, x) => normSilu(scope, x, dtype, last),
      run: (scope, frames) => scope.within((inner) => toPixels(scope, conv(inner, frames, decoder.convOut, { time: 'valid', dtype: 'f32' }))),
    }),
  )
  return units
}

/** video f32 [n, H, W, 3] → the last norm's result, [n', h, w, C], and the convolutions that make a mean and a variance of it. */
export function encoderUnits(
  context: StreamContext,
  encoder: Encoder,
  config: LtxAutoencoderConfig,
  atOnce: readonly number[],
): { units: StreamUnit[]; toMean: StreamUnit; toLogVariance: StreamUnit } {
  const next = inTurn(atOnce)
  const { dtype } = context.pass
  const patches = { time: config.patch_size_t, space: config.patch_size, order: 'ctxy', dtype } as const
  const units = [frameUnit(next(), (scope, x) => pixelUnshuffle(scope, x, patches)), convUnit(context, encoder.convIn, next())]
  for (const { plan, residuals, down, convOut } of encoder.stages) {
    units.push(...residuals.map((block) => residualUnit(context, block, next())))
    if (plan.down?.kind === 'conv' && down) units.push(convUnit(context, down, next(), [2, 2, 2]))
    if (plan.down?.kind === 'fold' && down) units.push(foldUnit(context, down, plan.down.steps, next()))
    if (convOut) units.push(residualUnit(context, convOut, next()))
  }
  units.push(...encoder.middle.map((block) => residualUnit(context, block, next())))
  const frames = next()
  units.push(frameUnit(frames, (scope, x) => normSilu(scope, x, dtype)))
  return { units, toMean: convUnit(context, encoder.toMean, frames), toLogVariance: convUnit(context, encoder.toLogVariance, frames) }
}

/** Gives the numbers one by one. */
function inTurn(numbers: readonly number[]): () => number {
  const left = numbers.values()
  return () => {
    const { value } = left.next()
    if (value === undefined) throw new Error('LtxAutoencoder: its sizes list fewer units than it has.')
    return value
  }
}
