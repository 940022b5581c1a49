import { u32 } from '../engine/command-queue'
import type { AdapterFacts } from '../engine/device'
import type { KernelSource, Prelude } from '../engine/kernel'
import { tuningSize, type Candidate } from '../engine/kernel-selector'
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
import directCode from '../../shaders/linear_no_smem.wgsl?raw'
import dotCode from '../../shaders/linear_int8_dp4a.wgsl?raw'
import fewCode from '../../shaders/linear_gemv.wgsl?raw'
import { PANEL, type LinearWeight, type WeightFormat } from './linear-weight'
import { expectModulation, type Modulation } from './modulation'
import { quantizeActivations, type QuantizedActivations } from './quantize-activations'

export { uploadLinear, type LinearSource, type LinearWeight, type QuantizedValues, type WeightFormat } from './linear-weight'

/** The kernel's numbers. */
const ACTIVATIONS = { 'gelu-tanh': 1, silu: 2 } as const

const WEIGHT_READERS: Record<WeightFormat, string> = { f32: wF32, f16: wF16, i8: wI8, i4: wI4 }

/**
 * Which kernel does it: 'gemv' at most 8 rows well, 'no_smem' without workgroup memory, 'tile64' and 'tile128' that many rows × 64 outputs
 * through workgroup memory, 'int8_dp4a' with int8 activations, which changes the numbers. Any of them does any number of rows.
 */
export type LinearVariant = 'gemv' | 'no_smem' | 'tile64' | 'tile128' | 'int8_dp4a'

/** What a workgroup of a variant covers. */
interface Tile {
  code: string
  rows: number
  panels: number
  prelude: Prelude
}

const TILES: Record<LinearVariant, Tile> = {
  gemv: { code: fewCode, rows: 4, panels: 1, prelude: {} },
  no_smem: { code: directCode, rows: 64, panels: 1, prelude: { WG: 8 } },
  tile64: { code: tileCode, rows: 64, panels: 8, prelude: { TILE_M: 64 } },
  tile128: { code: tileCode, rows: 128, panels: 8, prelude: { TILE_M: 128 } },
  int8_dp4a: { code: dotCode, rows: 64, panels: 8, prelude: {} },
}
const FEW_ROWS = 8

/**
 * The variants worth trying for these rows and weights on this adapter; the first is the one that `linear` takes when none is asked for.
 * All come to the same up to rounding, but for 'int8_dp4a', which stands here only if it may.
 */
export function linearVariants(facts: AdapterFacts, rows: number, format: WeightFormat, { allowInt8 = false } = {}): LinearVariant[] {
  const whole: LinearVariant[] = facts.software ? ['no_smem', 'tile64'] : ['tile64']
  // half of its tile would be empty
  if (rows > TILES.tile64.rows) whole.push('tile128')
  if (allowInt8 && facts.dot4 && int8Formats.has(format)) whole.push('int8_dp4a')
  return rows <= FEW_ROWS ? ['gemv', ...whole] : whole
}

const int8Formats: ReadonlySet<WeightFormat> = new Set(['i8', 'i4'])

/** The variant that `linear` takes, for a job's record: 'tile64 i8 f32' is kernel, weights, activations. @param variant as asked for */
export function linearVariant(facts: AdapterFacts, rows: number, format: WeightFormat, dtype: FloatDType, variant?: LinearVariant): string {
  return `${variant ?? fixedVariant(facts, rows, format)} ${format} ${dtype}`
}

function fixedVariant(facts: AdapterFacts, rows: number, format: WeightFormat): LinearVariant {
  return linearVariants(facts, rows, format)[0] as LinearVariant
}

/** Activations, as far as the choice of a kernel asks. */
type Activations = Pick<Tensor, 'shape' | 'dtype'>

/**
 * This work, for a tuner. A few rows are no work that another kernel could make shorter. 'int8_dp4a' is timed with codes that it makes itself,
 * also for layers that find them made: that much (some hundredths) it has to be better.
 */
function candidateOf(facts: AdapterFacts, x: Activations, weight: LinearWeight, { addTo, gate: _gate, ...options }: LinearOptions): Candidate {
  const { format, in: inner, out } = weight
  const rows = rowsOf(x)
  const exact = linearVariants(facts, rows, format)
  const approximate = linearVariants(facts, rows, format, { allowInt8: true }).filter((variant) => !exact.includes(variant))
  return {
    key: `linear ${x.dtype}, ${tuningSize(rows)} × ${inner} → ${out}, ${format}${addTo ? ', added' : ''}`,
    ...(rows <= FEW_ROWS ? { menu: ['gemv'] } : { menu: exact, approximate }),
    flops: 2 * rows * inner * out,
    run(scope, kernel) {
      linear(scope, scope.alloc(x.shape, x.dtype), weight, {
        ...options,
        ...(addTo && { addTo: scope.alloc(addTo.shape, addTo.dtype) }),
        variant: kernel as LinearVariant,
      })
    },
  }
}

export interface LinearOptions {
  activation?: 'gelu-tanh' | 'silu'
  /** of the result; x's own when not given */
  dtype?: FloatDType
  /** f32 [..., out], the residual stream: addTo += gate·(x·Wᵀ + b) in place, and returned */
  addTo?: Tensor
  /** only with addTo */
  gate?: Modulation
  /** chosen from the adapter and the rows when not given; x that is codes already has no other than 'int8_dp4a' */
  variant?: LinearVariant
}

/**
 * Whether the layer's kernel multiplies int8 codes of x, so that whoever makes x may make those instead. Layers that read the same x and
 * agree in sizes and format agree in this.
 */
export function takesQuantized(scope: Scope, x: Activations, weight: LinearWeight): boolean {
  return scope.gpu.choices.choose(candidateOf(scope.gpu.facts, x, weight, {})) === 'int8_dp4a'
}

function rowsOf({ shape }: Pick<Activations, 'shape'>): number {
  return elementCount(shape.slice(0, -1))
}

/** act(x·Wᵀ + b), summed in f32. x: [..., in] f32 | f16, or its codes; result: [..., out] */
export function linear(scope: Scope, x: Tensor | QuantizedActivations, weight: LinearWeight, options: LinearOptions = {}): Tensor {
  const { addTo, gate } = options
  const shape = [...x.shape.slice(0, -1), weight.out]
  const rows = rowsOf(x)
  if (x.shape.at(-1) !== weight.in) throw new Error(`linear: expected x [..., ${weight.in}], got [${x.shape.join(', ')}].`)
  if (addTo && (addTo.dtype !== 'f32' || elementCount(addTo.shape) !== elementCount(shape) || dim(addTo, -1) !== weight.out)) {
    throw new Error(`linear: expected addTo f32 [${shape.join(', ')}], got ${addTo.dtype} [${addTo.shape.join(', ')}].`)
  }
  if (gate && !addTo) throw new Error('linear: a gate needs addTo.')
  expectModulation('linear', 'gate', gate, rows, weight.out)
  const y = addTo ?? scope.alloc(shape, options.dtype ?? (x.dtype === 'f16' ? 'f16' : 'f32'))
  if ('q' in x) {
    dispatchInt8(scope, x, { weight, y, rows, options })
    return y
  }
  const variant = options.variant ?? (scope.gpu.choices.choose(candidateOf(scope.gpu.facts, x, weight, options)) as LinearVariant)
  if (variant === 'int8_dp4a') scope.within((inside) => dispatchInt8(inside, quantizeActivations(inside, x), { weight, y, rows, options }))
  else dispatchTiles(scope, { variant, x, weight, y, rows, options })
  return y
}

function dispatchInt8(scope: Scope, { q, scale }: QuantizedActivations, work: Pick<TiledWork, 'weight' | 'y' | 'rows' | 'options'>): void {
  const { weight, options } = work
  if (options.variant && options.variant !== 'int8_dp4a') throw new Error(`linear: codes are for the variant 'int8_dp4a', not for '${options.variant}'.`)
  if (!scope.gpu.facts.dot4) throw new Error("linear: the variant 'int8_dp4a' needs WGSL's packed_4x8_integer_dot_product, which is not there.")
  if (!int8Formats.has(weight.format)) throw new Error(`linear: the variant 'int8_dp4a' expected i8 or i4 weights, got ${weight.format}.`)
  dispatchTiles(scope, { ...work, variant: 'int8_dp4a', x: q, xScale: scale })
}

/** A GPU loads four halves as it loads two words: only the kernel for software adapters asks for words. */
function activationReader(variant: LinearVariant, dtype: DType, inner: number): string {
  if (inner % 4 !== 0) return xScalar
  return variant === 'no_smem' && dtype === 'f16' ? xHalves : xVec4
}

interface TiledWork {
  variant: LinearVariant
  /** activations, or their codes */
  x: Tensor
  /** of codes */
  xScale?: Tensor
  weight: LinearWeight
  y: Tensor
  rows: number
  options: LinearOptions
}

/** Covers the result with the variant's tiles, in as many dispatches as the submit budget wants. */
function dispatchTiles(scope: Scope, { variant, x, xScale, weight, y, rows, options }: TiledWork): void {
  const { addTo, gate } = options
  const { queue, kernels } = scope.gpu
  const tile = TILES[variant]
  const source: KernelSource = {
    name: `linear_${variant}_${weight.format}_${weight.in % 4 === 0 ? 4 : 1}x${weight.out % 4 === 0 ? 4 : 1}`,
    code: tile.code,
    libs: [
      params,
      ...(xScale ? [] : [activationReader(variant, x.dtype, weight.in)]),
      WEIGHT_READERS[weight.format],
      activation,
      finish,
      weight.out % 4 === 0 ? yVec4 : yScalar,
    ],
  }
  const kernel = kernels.get(source, {
    ...(!xScale && { elem: x.dtype }),
    out_elem: y.dtype,
    OUT_F16: y.dtype === 'f16',
    ...tile.prelude,
  })
  // What is not there still has to be bound: x stands in.
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
