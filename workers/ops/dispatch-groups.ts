// Work that is a plain list of workgroups, or of elements: the list is folded over two grid dimensions and split when it is over the submit
// budget. The kernels' entry point is shaders/lib/groups.wgsl.
import elementsCode from '../../shaders/lib/elements.wgsl?raw'
import groupsCode from '../../shaders/lib/groups.wgsl?raw'
import { u32, type Uniform } from '../engine/command-queue'
import type { AdapterFacts, Gpu } from '../engine/device'
import type { KernelSource, Prelude } from '../engine/kernel'
import type { Tensor } from '../engine/tensor'

/** Invocations of a workgroup, the prelude's WG, unless a kernel sets its own. */
export const WORKGROUP = 64
/** The most workgroups in one grid dimension, by the WebGPU specification. */
const MAX_GRID = 65535

interface Work {
  source: KernelSource
  prelude?: Prelude
  /** bound from @binding(1) on, in order */
  tensors: readonly Tensor[]
  /** the members of the shader's own `struct Params` in order */
  uniforms?: readonly Uniform[]
}

/** Workgroups 0 … groups − 1, each of which is one call of the kernel's `run`. */
export interface GroupedWork extends Work {
  groups: number
  flopsPerGroup: number
}

/** Elements 0 … count − 1, each of which is one call of the kernel's `element`. */
export interface ElementWork extends Work {
  count: number
  /** consecutive elements of an invocation; 1 by default */
  perInvocation?: number
  /** of one element, in the submit budget's operations */
  flops: number
}

/** Runs a list of workgroups in as many dispatches as the submit budget requires. */
export function dispatchGroups(gpu: Gpu, { source, prelude = {}, uniforms = [], ...work }: GroupedWork): void {
  dispatchRange(gpu, {
    ...work,
    source: { ...source, libs: [...(source.libs ?? []), groupsCode], params: 'first_group: u32, end_group: u32,' },
    prelude: { ...prelude, WG: prelude['WG'] ?? WORKGROUP },
    uniforms,
  })
}

/** Runs a list of elements. */
export function dispatchElements(gpu: Gpu, { source, prelude, uniforms = [], count, perInvocation = 1, flops, tensors }: ElementWork): void {
  dispatchRange(gpu, {
    source: { ...source, libs: [...(source.libs ?? []), elementsCode, groupsCode], params: 'first_group: u32, end_group: u32, count: u32,' },
    prelude: { ...prelude, WG: WORKGROUP, PER_INVOCATION: perInvocation },
    tensors,
    uniforms: [u32(count), ...uniforms],
    groups: Math.ceil(count / (WORKGROUP * perInvocation)),
    flopsPerGroup: WORKGROUP * perInvocation * flops,
  })
}

function dispatchRange({ queue, kernels }: Gpu, { source, prelude, tensors, uniforms, groups, flopsPerGroup }: Required<GroupedWork>): void {
  const kernel = kernels.get(source, prelude)
  const step = Math.max(1, Math.floor(queue.dispatchBudget / flopsPerGroup))
  for (let first = 0; first < groups; first += step) {
    const end = Math.min(first + step, groups)
    const x = Math.min(end - first, MAX_GRID)
    queue.dispatch({
      kernel,
      tensors,
      uniforms: [u32(first), u32(end), ...uniforms],
      workgroups: [x, Math.ceil((end - first) / x)],
      flops: (end - first) * flopsPerGroup,
    })
  }
}

/**
 * How many invocations share a row of `items` items: a power of two that leaves each about four items or more, so that neighboring
 * invocations read neighboring memory. Short rows (the channels of a pixel) share a workgroup, and their few lanes need few barriers.
 * A software adapter gets one invocation a row: a barrier costs it more than a row's sum (4 to 10 times in all on SwiftShader, rows of 48
 * to 256), and it gains nothing from neighboring reads.
 */
export function rowLanes(items: number, { software }: AdapterFacts): number {
  let lanes = 1
  while (!software && lanes < WORKGROUP && lanes * 8 <= items) lanes *= 2
  return lanes
}
