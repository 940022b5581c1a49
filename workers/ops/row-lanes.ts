import type { AdapterFacts } from '../engine/device'

/** Invocations a workgroup of the row kernels has. */
export const ROW_WORKGROUP = 64

/**
 * How many invocations share a row of `items` items: a power of two that leaves each about four items or more, so that neighbours
 * read neighbouring memory. Short rows (the channels of a pixel) come many to a workgroup, and their few lanes need few barriers.
 * On a software adapter each row has one invocation: there a barrier costs more than a row's sum (4 to 10 times in all on
 * SwiftShader, rows of 48 to 256), and neighbours gain nothing from neighbouring reads.
 */
export function rowLanes(items: number, { software }: AdapterFacts): number {
  let lanes = 1
  while (!software && lanes < ROW_WORKGROUP && lanes * 8 <= items) lanes *= 2
  return lanes
}
