import { u32 } from '../engine/command-queue'
import type { AdapterFacts } from '../engine/device'
import type { KernelSource, Prelude } from '../engine/kernel'
import { tuningSize, type Candidate } from '../engine/kernel-selector'
import type { Scope } from '../engine/scope'
import { dim, elementCount, type DType, type FloatDType, type Tensor } from '../engine/tensor'
import activation from '../../shaders/lib/activation.wgsl?raw'
import shared from '../../shaders/lib/linear_shared.wgsl?raw'
import wF16 from '../../shaders/lib/linear_w_f16.wgsl?raw'
import wF32 from '../../shaders/lib/linear_w_f32.wgsl?raw'
import wI4 from '../../shaders/lib/linear_w_i4.wgsl?raw'
import wI8 from '../../shaders/lib/linear_w_i8.wgsl?raw'
import readX from '../../shaders/lib/linear_x.wgsl?raw'
import readHalves from '../../shaders/lib/linear_x_halves.wgsl?raw'
import yScalar from '../../shaders/lib/linear_y_scalar.wgsl?raw'
import yVec4 from '../../shaders/lib/linear_y_vec4.wgsl?raw'
import tileCode from '../../shaders/linear.wgsl?raw'
import noSmemCode from '../../shaders/linear_no_smem.wgsl?raw'
import int8Code from '../../shaders/linear_int8_dp4a.wgsl?raw'
import gemvCode from '../../shaders/linear_gemv.wgsl?raw'
import { PANEL, type LinearWeight, type WeightFormat } from './linear-weight'
import { expectModulation, type Modulation } from './modulation'
import { activationPrelude, quantizeActivations, type QuantizedActivations } from './quantize-activations'

export { uploadLinear, type LinearSource, type LinearWeight, type QuantizedValues, type WeightFormat } from './linear-weight'

/** The kernels' numbers of the activations. */
const ACTIVATIONS = { 'gelu-tanh': 1, silu: 2 } as const

const WEIGHT_READERS: Record<WeightFormat, string> = { f32: wF32, f16: wF16, i8: wI8, i4: wI4 }

/**
 * The kernels: 'gemv' for at most 8 rows, 'no_smem' without workgroup memory, 'tile64' and 'tile128' with tiles of 64 or 128 rows × 64 outputs in
 * workgroup memory, 'int8_dp4a' with int8 activations, whose results are less exact. Each supports any number of rows.
 */
export type LinearVariant = 'gemv' | 'no_smem' | 'tile64' | 'tile128' | 'int8_dp4a'

/** Rows and panels of a workgroup of a variant. */
interface Tile {
  code: string
  rows: number
  panels: number
  prelude: Prelude
}

const TILES: Record<LinearVariant, Tile> = {
  gemv: { code: gemvCode, rows: 4, panels: 1, prelude: {} },
  no_smem: { code: noSmemCode, rows: 64, panels: 1, prelude: { WG: 8 } },
  tile64: { code: tileCode, rows: 64, panels: 8, prelude: { TILE_M: 64 } },
  tile128: { code: tileCode, rows: 128, panels: 8, prelude: { TILE_M: 128 } },
  int8_dp4a: { code: int8Code, rows: 64, panels: 8, prelude: {} },
}
/** Up to this many rows only 'gemv' is worth running. */
const GEMV_ROWS = 8

/**
 * The variants worth tuning for this number of rows and weight format on this adapter, the fixed table's first. All results are the same up
 * to rounding, except those of 'int8_dp4a', which is included only with `allowInt8`.
 */
export function linearVariants(facts: AdapterFacts, rows: number, format: WeightFormat, { allowInt8 = false } = {}): LinearVariant[] {
  const variants: LinearVariant[] = facts.software ? ['no_smem', 'tile64'] : ['tile64']
  if (rows > TILES.tile64.rows) variants.push('tile128') // with fewer rows half of its tile is empty
  if (allowInt8 && facts.dot4 && int8Formats.has(format)) variants.push('int8_dp4a')
  return rows <= GEMV_ROWS ? ['gemv', ...variants] : variants
}

const int8Formats: ReadonlySet<WeightFormat> = new Set(['i8', 'i4'])

/** A layer's variant, weight format and activation dtype by name, such as 'tile64 i8 f32'. @param variant the fixed table's by default */
export function linearVariant(facts: AdapterFacts, rows: number, format: WeightFormat, dtype: FloatDType, variant?: LinearVariant): string {
  return `${variant ?? fixedVariant(facts, rows, format)} ${format} ${dtype}`
}

function fixedVariant(facts: AdapterFacts, rows: number, format: WeightFormat): LinearVariant {
  return linearVariants(facts, rows, format)[0] as LinearVariant
}

/** The properties of activations that the selection of a variant depends on. */
type Activations = Pick<Tensor, 'shape' | 'dtype'>

/**
 * This work for the selector. Up to GEMV_ROWS rows there is one variant. 'int8_dp4a' is timed with the quantization of its activations, also
 * for layers that get them quantized: that makes it look a few percent slower.
 */
function candidateOf(scope: Scope, x: Activations, weight: LinearWeight, { addTo, gate: _gate, ...options }: LinearOptions): Candidate {
  const { format, in: inner, out } = weight
  const rows = rowsOf(x)
  const exact = linearVariants(scope.gpu.facts, rows, format)
  const approximate = linearVariants(scope.gpu.facts, rows, format, { allowInt8: true }).filter((variant) => !exact.includes(variant))
  return {
    key: `linear ${x.dtype}, ${tuningSize(rows)} × ${inner} → ${out}, ${format}${addTo ? ', added' : ''}`,
    ...(rows <= GEMV_ROWS ? { variants: ['gemv'] } : { variants: exact, approximate }),
    flops: 2 * rows * inner * out,
    run: (variant) =>
      scope.within((temporary) => {
        linear(temporary, temporary.alloc(x.shape, x.dtype), weight, {
          ...options,
          ...(addTo && { addTo: temporary.alloc(addTo.shape, addTo.dtype) }),
          variant: variant as LinearVariant,
        })
      }),
  }
}

export interface LinearOptions {
  activation?: 'gelu-tanh' | 'silu'
  /** of the result; x's by default */
  dtype?: FloatDType
  /** f32 [..., out], the residual stream: addTo += gate·(x·Wᵀ + b) in place; it is the result */
  addTo?: Tensor
  /** requires addTo */
  gate?: Modulation
  /** the selector's by default; quantized activations require 'int8_dp4a' */
  variant?: LinearVariant
}

/**
 * Whether the layer's kernel multiplies int8 activations, so that the producer of x may quantize it. The answer is the same for all layers of
 * one x, size and format.
 */
export function takesQuantized(scope: Scope, x: Activations, weight: LinearWeight): boolean {
  return scope.gpu.selector.select(candidateOf(scope, x, weight, {})) === 'int8_dp4a'
}

function rowsOf({ shape }: Pick<Activations, 'shape'>): number {
  return elementCount(shape.slice(0, -1))
}

/** act(x·Wᵀ + b), summed in f32. x: [..., in] f32 | f16 | quantized; result: [..., out] */
export function linear(scope: Scope, x: Tensor | QuantizedActivations, weight: LinearWeight, options: LinearOptions = {}): Tensor {
  const { addTo, gate } = options
  const shape = [...x.shape.slice(0, -1), weight.out]
  const rows = rowsOf(x)
  if (x.shape.at(-1) !== weight.in) throw new Error(`linear: expected x [..., ${weight.in}], got [${x.shape.join(', ')}].`)
  if (addTo && (addTo.dtype !== 'f32' || elementCount(addTo.shape) !== elementCount(shape) || dim(addTo, -1) !== weight.out)) {
    throw new Error(`linear: expected addTo f32 [${shape.join(', ')}], got ${addTo.dtype} [${addTo.shape.join(', ')}].`)
  }
  if (gate && !addTo) throw new Error('linear: expected addTo with a gate, got none.')
  expectModulation('linear', 'gate', gate, rows, weight.out)
  const y = addTo ?? scope.alloc(shape, options.dtype ?? (x.dtype === 'f16' ? 'f16' : 'f32'))
  if ('q' in x) {
    dispatchInt8(scope, x, { weight, y, rows, options })
    return y
  }
  const variant = options.variant ?? (scope.gpu.selector.select(candidateOf(scope, x, weight, options)) as LinearVariant)
  if (variant === 'int8_dp4a') scope.within((inside) => dispatchInt8(inside, quantizeActivations(inside, x), { weight, y, rows, options }))
  else dispatchTiles(scope, { variant, x, weight, y, rows, options })
  return y
}

function dispatchInt8(scope: Scope, { q, scale }: QuantizedActivations, work: Pick<TiledWork, 'weight' | 'y' | 'rows' | 'options'>): void {
  const { weight, options } = work
  if (options.variant && options.variant !== 'int8_dp4a')
    throw new Error(`linear: expected the variant 'int8_dp4a' for quantized activations, got '${options.variant}'.`)
  if (!scope.gpu.facts.dot4) throw new Error("linear: the variant 'int8_dp4a' needs WGSL's packed_4x8_integer_dot_product, which this device lacks.")
  if (!int8Formats.has(weight.format)) throw new Error(`linear: expected i8 or i4 weights for the variant 'int8_dp4a', got ${weight.format}.`)
  dispatchTiles(scope, { ...work, variant: 'int8_dp4a', x: q, xScale: scale })
}

/** A GPU loads four halves as fast as two words: only the kernel for software adapters reads words. */
function loadsWords(variant: LinearVariant, dtype: DType, inner: number): boolean {
  return variant === 'no_smem' && dtype === 'f16' && inner % 4 === 0
}

interface TiledWork {
  variant: LinearVariant
  /** activations, or their int8 values */
  x: Tensor
  /** of int8 values */
  xScale?: Tensor
  weight: LinearWeight
  y: Tensor
  rows: number
  options: LinearOptions
}

/** Covers the result with the variant's tiles in as many dispatches as the submit budget requires. */
function dispatchTiles(scope: Scope, { variant, x, xScale, weight, y, rows, options }: TiledWork): void {
  const { addTo, gate } = options
  const { queue, kernels } = scope.gpu
  const tile = TILES[variant]
  const words = !xScale && loadsWords(variant, x.dtype, weight.in)
  const source: KernelSource = {
    name: `linear_${variant}_${weight.format}_${words ? 'words_' : ''}x${weight.out % 4 === 0 ? 4 : 1}`,
    code: tile.code,
    libs: [shared, ...(xScale ? [] : [words ? readHalves : readX]), WEIGHT_READERS[weight.format], activation, weight.out % 4 === 0 ? yVec4 : yScalar],
  }
  const kernel = kernels.get(source, {
    ...(!xScale && activationPrelude(x.dtype, weight.in)),
    out_elem: y.dtype,
    OUT_F16: y.dtype === 'f16',
    ...tile.prelude,
  })
  // a binding that is not read needs a buffer, too: x
  const tensors = [x, weight.data, y, weight.bias ?? x, gate?.table ?? x, gate?.rowOf ?? x]
  if (weight.scale) tensors.push(weight.scale)
  if (xScale) tensors.push(xScale)

  const panels = Math.ceil(weight.out / PANEL)
  const tileFlops = 2 * tile.rows * tile.panels * PANEL * weight.in
  const tilesAtOnce = Math.max(1, Math.floor(queue.dispatchBudget / tileFlops))
  const panelTiles = Math.ceil(panels / tile.panels)
  const panelStep = Math.min(panelTiles, tilesAtOnce) * tile.panels
  const rowStep = Math.max(1, Math.floor(tilesAtOnce / panelTiles)) * tile.rows
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
        workgroups: [Math.ceil((rowEnd - row) / tile.rows), Math.ceil((panelEnd - panel) / tile.panels)],
        flops: 2 * (rowEnd - row) * (panelEnd - panel) * PANEL * weight.in,
      })
    }
  }
}
