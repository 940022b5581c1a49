// Work that is a plain list of workgroups: folded over two grid dimensions and split when it is over the submit budget.
import type { CommandQueue, Uniform } from '../engine/command-queue'
import { u32 } from '../engine/command-queue'
import type { Kernel } from '../engine/kernel'
import type { Tensor } from '../engine/tensor'

/** The most workgroups one grid dimension may have, by the WebGPU specification. */
const MAX_GRID = 65535

export interface GroupedWork {
  kernel: Kernel
  tensors: readonly Tensor[]
  /** the uniform struct's members after the first two, which are `first_group` and `end_group` */
  uniforms: readonly Uniform[]
  groups: number
  flopsPerGroup: number
}

/**
 * Runs workgroups 0 … groups − 1. The kernel finds its own with `first_group + workgroup_id.x + workgroup_id.y * num_workgroups.x`
 * and leaves at once when that is `end_group` or more.
 */
export function dispatchGroups(queue: CommandQueue, work: GroupedWork): void {
  const step = Math.max(1, Math.floor(queue.dispatchBudget / work.flopsPerGroup))
  for (let first = 0; first < work.groups; first += step) {
    const end = Math.min(first + step, work.groups)
    const x = Math.min(end - first, MAX_GRID)
    queue.dispatch({
      kernel: work.kernel,
      tensors: work.tensors,
      uniforms: [u32(first), u32(end), ...work.uniforms],
      workgroups: [x, Math.ceil((end - first) / x)],
      flops: (end - first) * work.flopsPerGroup,
    })
  }
}
