// GPU idle time while a clip is denoised by the page's pipeline, with recording, uploads, waits, previews and checkpoints.
import { parseRequest } from '../../src/shared/request-problems'
import type { Gpu } from '../../workers/engine/device'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { runDenoise } from '../../workers/pipeline/denoise-chunk'
import { latentGrid } from '../../workers/models/latent-grid'
import { testJob } from '../evaluate/clip-in-memory'
import { withStarter } from './starter'
import { quantile } from './turns'

/** Over all steps of a clip except the first. */
export interface StepIdleTime {
  shape: string
  stepMs: number
  /** share of the time without a running submit */
  share: number
  /** wanted maximum of the share; null where it is only reported */
  goal: number | null
}

/** On a GPU. A software adapter is the CPU, and competes with all other work on it. */
const GOAL = 0.05
const STEPS = 12
const ROUNDS = 3

/** Square clips of the starter with these sides in pixels, 9 frames, guidance 5; the median of three rounds. */
export function measureIdleTime(gpu: Gpu, dtype: FloatDType, sides: readonly number[]): Promise<StepIdleTime[]> {
  return withStarter(gpu, dtype, async (model, embed) => {
    const measured: StepIdleTime[] = []
    for (const side of sides) {
      const { id, fps } = model.manifest
      const request = parseRequest(
        { model: id, prompt: 'a red sky', width: side, height: side, frames: 9, fps: fps.default, steps: STEPS, guidance: 5, seed: 7 },
        model.manifest,
      )
      const embeds = { positive: embed('red sky'), negative: embed('') }
      const rounds: { share: number; stepMs: number }[] = []
      for (let round = 0; round < ROUNDS; round++) {
        let [sinceMs, idleMs] = [0, 0]
        try {
          const job = testJob(gpu, {
            report(progress) {
              if (progress.stage !== 'denoising' || progress.step !== 1) return
              sinceMs = performance.now()
              gpu.queue.onSubmitsDone = (_submits, _elapsedMs, idleBeforeMs) => (idleMs += idleBeforeMs)
            },
          })
          const run = { model, request, embeds, grid: latentGrid(request, model.manifest), checkpoint: { save: () => undefined } }
          await withScope(gpu, (scope) => runDenoise(job, scope, run))
        } finally {
          gpu.queue.onSubmitsDone = undefined
        }
        const wholeMs = performance.now() - sinceMs
        rounds.push({ share: idleMs / wholeMs, stepMs: wholeMs / (STEPS - 1) })
      }
      const median = (of: 'share' | 'stepMs') =>
        quantile(
          rounds.map((round) => round[of]),
          0.5,
        )
      measured.push({ shape: `starter, ${side} × ${side}, 9 frames`, stepMs: median('stepMs'), share: median('share'), goal: gpu.facts.software ? null : GOAL })
    }
    return measured
  })
}
