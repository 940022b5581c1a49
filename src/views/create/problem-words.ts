import type { GenerateRequest, RequestProblem } from '../../shared/request'

/** What is wrong with a setting, in words. Pure. */
export function problemWords({ field, expected, got }: RequestProblem): string {
  switch (field) {
    case 'width':
    case 'height':
      return `This model does not make ${got.replace('×', ' × ')} pixels.`
    case 'frames':
      return `This model does not make ${got} frames.`
    default:
      return `This model takes ${expected} as ${field}, not ${got}.`
  }
}

/** A nearest allowed value, as a button says it. Pure. */
export function nearestWords(nearest: Partial<GenerateRequest>): string {
  if (nearest.width !== undefined && nearest.height !== undefined) return `${nearest.width} × ${nearest.height}`
  if (nearest.frames !== undefined) return `${nearest.frames} frames`
  return Object.values(nearest).map(String).join(', ')
}
