import { CACHE_LEVELS } from '../../shared/cache-levels'

const [, LITTLE, LOT] = CACHE_LEVELS

/** What a choice of reuse between steps saves and costs. Pure. */
export function cacheText(threshold: number): string {
  switch (threshold) {
    case 0:
      return 'Every step runs the whole model.'
    case LITTLE.threshold:
      return 'Steps that change little leave out most of the model. With the starter that saves a third of the denoising at 30 steps, and next to nothing at 10; details come out a little differently. It takes more GPU memory.'
    case LOT.threshold:
      return 'Steps that change little leave out most of the model. With the starter that saves half of the denoising at 30 steps, and less with fewer; details come out differently. It takes more GPU memory.'
    default:
      return `Steps that change the clip by no more than ${threshold} leave out most of the model.`
  }
}
