/** Invocations a workgroup of the row kernels has: small, so that software adapters keep one workgroup in cache. */
export const ROW_WORKGROUP = 64

/**
 * How many invocations share a row of `items` items: a power of two that leaves each about four items or more. Short rows (the
 * channels of a pixel) come many to a workgroup, and their few lanes need few barriers.
 */
export function rowLanes(items: number): number {
  let lanes = 1
  while (lanes < ROW_WORKGROUP && lanes * 8 <= items) lanes *= 2
  return lanes
}
