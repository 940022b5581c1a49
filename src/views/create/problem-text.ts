import { formatBytes } from '../../components/quantities'
import type { GenerateRequest } from '../../shared/request'
import type { RequestProblem } from '../../shared/request-problems'
import type { RequestWarning } from '../../shared/request-warnings'

/** What is wrong with a setting, in words. Pure. */
export function problemText({ field, expected, got, reason }: RequestProblem): string {
  if (reason) return reason
  switch (field) {
    case 'width':
    case 'height':
      return `This model does not make ${spaced(got)} pixels: it takes ${expected}.`
    case 'frames':
      return `This model does not make ${got} frames: it takes ${expected}.`
    default:
      return `This model takes ${expected} as ${field}, not ${got}.`
  }
}

/** A nearest allowed value, as a button says it. Pure. */
export function nearestText(nearest: Partial<GenerateRequest>): string {
  if (nearest.width !== undefined && nearest.height !== undefined) return `${nearest.width} × ${nearest.height}`
  if (nearest.frames !== undefined) return `${nearest.frames} frames`
  return Object.values(nearest).map(String).join(', ')
}

/** What the model was not taught of the settings, in words. Pure. */
export function warningText({ kind, got, taught, windows = 0 }: RequestWarning, modelName: string): string {
  switch (kind) {
    case 'size':
      return `${modelName} was not taught ${spaced(got)}. It will try, and what it draws may be doubled, cut off or out of place.`
    case 'length':
      return `${modelName} was not taught ${got} frames. It will try, and movements may be too quick, too slow or broken.`
    case 'memory':
      return `This takes about ${formatBytes(Number(got))} of GPU memory, and there was room for ${formatBytes(Number(taught))} when it was measured. A smaller size or a shorter clip fits.`
    case 'windows':
      return `Longer than ${modelName} was taught: it is made in ${windows} parts, each going on from the last frames of the one before. What is seen may change on the way.`
  }
}

function spaced(size: string): string {
  return size.replace('×', ' × ')
}
