// A kernel is a WGSL file with a prelude in front: constants and aliases that pick a variant.

/** Values the prelude turns into WGSL: numbers → `const NAME = 64u;`, booleans → `const NAME = true;`, strings → `alias name = f16;`. */
export type Prelude = Record<string, number | boolean | string>

/** A WGSL file and the lib files that it needs. The name identifies all of them: two sources with one name are the same text. */
export interface KernelSource {
  name: string
  code: string
  libs?: readonly string[]
  /** WGSL members that are put in front of the kernel's own in its `struct Params`; a kernel with no others declares no struct */
  params?: string
}

/** A variant of a kernel on one device. */
export class Kernel {
  private pipeline: GPUComputePipeline | undefined
  private compiling: Promise<void> | undefined

  constructor(
    private readonly device: GPUDevice,
    readonly label: string,
    /** the full text, with prelude and libs */
    readonly wgsl: string,
  ) {}

  /** Compiles without blocking; does nothing when the kernel is compiled already. */
  compile(): Promise<void> {
    return (this.compiling ??= this.device.createComputePipelineAsync(this.descriptor()).then((pipeline) => void (this.pipeline ??= pipeline)))
  }

  /** The pipeline; compiles it now, blocking, if `compile` has not. */
  ready(): GPUComputePipeline {
    return (this.pipeline ??= this.device.createComputePipeline(this.descriptor()))
  }

  private descriptor(): GPUComputePipelineDescriptor {
    const module = this.device.createShaderModule({ label: this.label, code: this.wgsl })
    return { label: this.label, layout: 'auto', compute: { module, entryPoint: 'main' } }
  }
}

/** Kernels of one device by name and prelude. */
export class KernelCache {
  private readonly kernels = new Map<string, Kernel>()

  constructor(private readonly device: GPUDevice) {}

  /** The kernel for this source and prelude; the same arguments give the same object. */
  get(source: KernelSource, prelude: Prelude): Kernel {
    const label = [source.name, ...Object.entries(prelude).map(([name, value]) => `${name}=${value}`)].join(' ')
    let kernel = this.kernels.get(label)
    if (!kernel) {
      kernel = new Kernel(this.device, label, writePrelude(prelude, source))
      this.kernels.set(label, kernel)
    }
    return kernel
  }
}

/** Kernel name → the preludes it was compiled with, for a job's record. */
export function kernelVariants(kernels: Iterable<Kernel>): Record<string, string> {
  const found: Record<string, string[]> = {}
  for (const { label } of kernels) {
    const space = label.indexOf(' ')
    ;(found[label.slice(0, space)] ??= []).push(label.slice(space + 1))
  }
  return Object.fromEntries(Object.entries(found).map(([name, preludes]) => [name, preludes.sort().join(' | ')]))
}

/** The full WGSL: enables, constants, aliases, libs, file. Pure. */
export function writePrelude(prelude: Prelude, source: KernelSource): string {
  const lines: string[] = []
  const usesHalf = Object.values(prelude).some((value) => typeof value === 'string' && /\bf16\b/.test(value))
  if (usesHalf) lines.push('enable f16;')
  if (prelude['SUBGROUPS'] === true) lines.push('enable subgroups;')
  for (const [name, value] of Object.entries(prelude)) {
    if (typeof value === 'number') lines.push(`const ${name} = ${Number.isInteger(value) ? `${value}u` : `f32(${value})`};`)
    else if (typeof value === 'boolean') lines.push(`const ${name} = ${value};`)
    else lines.push(`alias ${name} = ${value};`)
  }
  const body = [...(source.libs ?? []), source.code].join('\n')
  return [...lines, source.params ? addParams(body, source.params) : body].join('\n')
}

const PARAMS_HEAD = 'struct Params {'

function addParams(body: string, params: string): string {
  return body.includes(PARAMS_HEAD) ? body.replace(PARAMS_HEAD, `${PARAMS_HEAD} ${params}`) : `${PARAMS_HEAD} ${params} }\n${body}`
}
