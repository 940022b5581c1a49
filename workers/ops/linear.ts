import { u32 } from '../engine/command-queue'
import type { AdapterFacts } from '../engine/device'
import type { KernelSource } from '../engine/kernel'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type DType, type FloatDType, type Tensor } from '../engine/tensor'
import activation from '../../shaders/lib/activation.wgsl?raw'
import finish from '../../shaders/lib/linear_finish.wgsl?raw'
import params from '../../shaders/lib/linear_params.wgsl?raw'
import wF16 from '../../shaders/lib/linear_w_f16.wgsl?raw'
import wF32 from '../../shaders/lib/linear_w_f32.wgsl?raw'
import wI4 from '../../shaders/lib/linear_w_i4.wgsl?raw'
import wI8 from '../../shaders/lib/linear_w_i8.wgsl?raw'
import xHalves from '../../shaders/lib/linear_x_halves.wgsl?raw'
import xScalar from '../../shaders/lib/linear_x_scalar.wgsl?raw'
import xVec4 from '../../shaders/lib/linear_x_vec4.wgsl?raw'
import yScalar from '../../shaders/lib/linear_y_scalar.wgsl?raw'
import yVec4 from '../../shaders/lib/linear_y_vec4.wgsl?raw'
import tileCode from '../../shaders/linear.wgsl?raw'
import directCode from '../../shaders/linear_direct.wgsl?raw'
import fewCode from '../../shaders/linear_few.wgsl?raw'
import { PANEL, type LinearWeight, type WeightFormat } from './linear-weight'
import { expectModulation, type Modulation } from './modulation'

export { uploadLinear, type LinearSource, type LinearWeight, type QuantizedValues, type WeightFormat } from './linear-weight'

/** The kernel's numbers. */
const ACTIVATIONS = { 'gelu-tanh': 1, silu: 2 } as const

const WEIGHT_READERS: Record<WeightFormat, string> = { f32: wF32, f16: wF16, i8: wI8, i4: wI4 }

/** What a workgroup of a variant covers. */
interface Variant {
  name: string
  code: string
  rows: number
  panels: number
  /** invocations of a workgroup, where the host chooses */
  workgroup?: number
}

const TILE: Variant = { name: 'tile64', code: tileCode, rows: 64, panels: 8 }
const DIRECT: Variant = { name: 'direct', code: directCode, rows: 64, panels: 1, workgroup: 8 }
const FEW: Variant = { name: 'few', code: fewCode, rows: 4, panels: 1 }
const FEW_ROWS = 8

function chooseVariant(facts: AdapterFacts, rows: number): Variant {
  if (rows <= FEW_ROWS) return FEW
  return facts.software ? DIRECT : TILE
}

/** A GPU loads four halves as it loads two words: only the kernel for software adapters asks for words. */
function activationReader(variant: Variant, dtype: DType, inner: number): string {
  if (inner % 4 !== 0) return xScalar
  return variant === DIRECT && dtype === 'f16' ? xHalves : xVec4
}

/** The variant that `linear` takes, for a job's record: 'tile64 i8 f32' is kernel, weights, activations. */
export function linearVariant(facts: AdapterFacts, rows: number, format: WeightFormat, dtype: FloatDType): string {
  return `${chooseVariant(facts, rows).name} ${format} ${dtype}`
}

export interface LinearOptions {
  activation?: 'gelu-tanh' | 'silu'
  /** of the result; x's own when not given */
  dtype?: FloatDType
  /** f32 [..., out], the residual stream: addTo += gate·(x·Wᵀ + b) in place, and returned */
  addTo?: Tensor
  /** only with addTo */
  gate?: Modulation
}

/** act(x·Wᵀ + b), summed in f32. x: [..., in] f32 | f16; result: [..., out] */
export function linear(scope: Scope, x: Tensor, weight: LinearWeight, options: LinearOptions = {}): Tensor {
  const { addTo, gate } = options
  const shape = [...x.shape.slice(0, -1), weight.out]
  const rows = elementCount(x.shape.slice(0, -1))
  if (dim(x, -1) !== weight.in) throw new Error(`linear: expected x [..., ${weight.in}], got [${x.shape.join(', ')}].`)
  if (addTo && (addTo.dtype !== 'f32' || elementCount(addTo.shape) !== elementCount(shape) || dim(addTo, -1) !== weight.out)) {
    throw new Error(`linear: expected addTo f32 [${shape.join(', ')}], got ${addTo.dtype} [${addTo.shape.join(', ')}].`)
  }
  if (gate && !addTo) throw new Error('linear: a gate needs addTo.')
  expectModulation('linear', 'gate', gate, rows, weight.out)
  const y = addTo ?? scope.alloc(shape, options.dtype ?? (x.dtype === 'f16' ? 'f16' : 'f32'))

  const { queue, facts, kernels } = scope.gpu
  const variant = chooseVariant(facts, rows)
  const source: KernelSource = {
    name: `linear_${variant.name}_${weight.format}_${weight.in % 4 === 0 ? 4 : 1}x${weight.out % 4 === 0 ? 4 : 1}`,
    code: variant.code,
    libs: [
      params,
      activationReader(variant, x.dtype, weight.in),
      WEIGHT_READERS[weight.format],
      activation,
      finish,
      weight.out % 4 === 0 ? yVec4 : yScalar,
    ],
  }
  const kernel = kernels.get(source, {
    elem: x.dtype,
    out_elem: y.dtype,
    OUT_F16: y.dtype === 'f16',
    ...(variant.workgroup !== undefined && { WG: variant.workgroup }),
  })
  // What is not there still has to be bound: x stands in.
  const tensors = [x, weight.data, y, weight.bias ?? x, gate?.table ?? x, gate?.rowOf ?? x]
  if (weight.scale) tensors.push(weight.scale)

  const panels = Math.ceil(weight.out / PANEL)
  const tileFlops = 2 * variant.rows * variant.panels * PANEL * weight.in
  const tilesAtOnce = Math.max(1, Math.floor(queue.dispatchBudget / tileFlops))
  const panelTiles = Math.ceil(panels / variant.panels)
  const panelStep = Math.min(panelTiles, tilesAtOnce) * variant.panels
  const rowStep = Math.max(1, Math.floor(tilesAtOnce / panelTiles)) * variant.rows
  for (let row = 0; row < rows; row += rowStep) {
    for (let panel = 0; panel < panels; panel += panelStep) {
      const rowEnd = Math.min(row + rowStep, rows)
      const panelEnd = Math.min(panel + panelStep, panels)
      queue.dispatch({
        kernel,
        tensors,
        uniforms: [
          u32(row),
          u32(rowEnd),
          u32(panel),
          u32(panelEnd),
          u32(weight.in),
          u32(Math.ceil(weight.in / 4)),
          u32(weight.out),
          u32(weight.bias ? 1 : 0),
          u32(options.activation ? ACTIVATIONS[options.activation] : 0),
          u32(addTo ? 1 : 0),
          u32(gate ? 1 : 0),
          u32(gate ? dim(gate.table, 1) : 0),
          u32(gate?.slot ?? 0),
        ],
        workgroups: [Math.ceil((rowEnd - row) / variant.rows), Math.ceil((panelEnd - panel) / variant.panels)],
        flops: 2 * (rowEnd - row) * (panelEnd - panel) * PANEL * weight.in,
      })
    }
  }
  return y
}
