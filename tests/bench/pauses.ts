// How long the GPU has nothing to do while a clip is denoised, through the pipeline that the page runs: recording, uploads, waits, previews
// and checkpoints.
import { parseRequest } from '../../src/shared/request'
import type { Gpu } from '../../workers/engine/device'
import { withScope } from '../../workers/engine/scope'
import type { FloatDType } from '../../workers/engine/tensor'
import { runDenoise } from '../../workers/pipeline/denoise-job'
import { JobClock } from '../../workers/pipeline/job-clock'
import { latentGrid } from '../../workers/pipeline/latent-grid'
import { withStarter } from './starter-clips'
import { quantile } from './turns'

/** Of the steps of a clip but for the first. */
export interface StepPauses {
  shape: string
  stepMs: number
  /** of the time in which no submit was under way */
  share: number
  /** the largest share that is wanted; null where it is only said */
  goal: number | null
}

/** On a GPU. A software adapter is the processor: what runs beside its work takes of its time. */
const GOAL = 0.05
const STEPS = 12
const ROUNDS = 3

/** The starter's clips of these sides, 9 frames, guidance 5; the median of three rounds. */
export function measurePauses(gpu: Gpu, dtype: FloatDType, sides: readonly number[]): Promise<StepPauses[]> {
  return withStarter(gpu, dtype, async (model, embed) => {
    const measured: StepPauses[] = []
    for (const side of sides) {
      const { id, fps } = model.manifest
      const request = parseRequest({ model: id, prompt: 'a red sky', width: side, height: side, frames: 9, fps: fps.default, steps: STEPS, guidance: 5, seed: 7 }, model.manifest)
      const words = { prompt: embed('red sky'), away: embed('') }
      const rounds: { share: number; stepMs: number }[] = []
      for (let round = 0; round < ROUNDS; round++) {
        let [sinceMs, pausedMs] = [0, 0]
        try {
          await withScope(gpu, (scope) =>
            runDenoise(new AbortController().signal, scope, {
              model, request, words,
              grid: latentGrid(request, model.manifest),
              clock: new JobClock(),
              checkpoint: { save: () => undefined },
              tell(event) {
                if (event.stage !== 'denoising' || event.step !== 1) return
                sinceMs = performance.now()
                gpu.queue.onSubmitsDone = (_submits, _elapsedMs, before) => (pausedMs += before)
              },
            }),
          )
        } finally {
          gpu.queue.onSubmitsDone = undefined
        }
        const wholeMs = performance.now() - sinceMs
        rounds.push({ share: pausedMs / wholeMs, stepMs: wholeMs / (STEPS - 1) })
      }
      const median = (of: 'share' | 'stepMs') => quantile(rounds.map((round) => round[of]), 0.5)
      measured.push({ shape: `starter, ${side} × ${side}, 9 frames`, stepMs: median('stepMs'), share: median('share'), goal: gpu.facts.software ? null : GOAL })
    }
    return measured
  })
}
