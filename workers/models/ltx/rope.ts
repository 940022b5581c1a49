// LTX-Video's 3D rotary position embedding, as tables made on the CPU: angles reach 15 000 rad, where a GPU's sine is
// not specified. Every step is rounded to f32 in the reference's order, for the angles are large and their digits matter.

const THETA = 10000
/** A position is a fraction of these: frames, pixels, pixels. */
const BASE = [20, 2048, 2048] as const

const f32 = Math.fround

/** Cosines and sines, one row a position: f32 [P, D/2]. */
export interface RopeAngles {
  cos: Float32Array
  sin: Float32Array
  positions: number
}

/** Coordinates (time, y, x), f32 [B, 3, N], as fractions of the bases: f32 [B·N, 3]. */
export function coordinateFractions(coordinates: Float32Array, batch: number): Float32Array {
  const tokens = coordinates.length / (3 * batch)
  const fractions = new Float32Array(coordinates.length)
  for (let clip = 0; clip < batch; clip++) {
    BASE.forEach((base, axis) => {
      for (let token = 0; token < tokens; token++) {
        fractions[(clip * tokens + token) * 3 + axis] = (coordinates[(clip * 3 + axis) * tokens + token] as number) / base
      }
    })
  }
  return fractions
}

/** A latent's grid of tokens. */
export interface RopeGrid {
  /** tokens along each axis */
  frames: number
  height: number
  width: number
  /** coordinate units (seconds or frames, pixels, pixels) from one latent to the next; without it the indices are the fractions */
  scale?: readonly [number, number, number]
  patch: number
  patchTime: number
}

/** The fractions of a grid's tokens, frame by frame, row by row: f32 [N, 3]. By coordinates, as those of any other tokens. */
export function gridFractions(grid: RopeGrid): Float32Array {
  const { frames, height, width, scale, patch, patchTime } = grid
  const count = frames * height * width
  const places = new Float32Array(3 * count)
  for (let token = 0; token < count; token++) {
    const place = [Math.floor(token / (width * height)), Math.floor(token / width) % height, token % width] as const
    // without a scale the indices are the fractions
    place.forEach(
      (index, axis) => (places[axis * count + token] = scale ? f32(f32(index * f32(scale[axis]!)) * (axis === 0 ? patchTime : patch)) : index * BASE[axis]!),
    )
  }
  return coordinateFractions(places, 1)
}

/**
 * Angles π/2·θ^(i/(n−1))·(2·fraction − 1) of n = ⌊D/6⌋ frequencies by 3 axes, frequency first, axis second. Where D is
 * not a multiple of 6, the pairs that are left over come first and do not turn.
 * @param fractions f32 [P, 3]
 * @param width D, the transformer's width
 */
export function ropeAngles(fractions: Float32Array, width: number): RopeAngles {
  const frequencies = ropeFrequencies(Math.floor(width / 6))
  const still = (width % 6) / 2
  const pairs = width / 2
  const positions = fractions.length / 3
  const cos = new Float32Array(positions * pairs)
  const sin = new Float32Array(positions * pairs)
  // positions on a grid share few values an axis
  const turns = new Map<number, { cos: Float32Array; sin: Float32Array }>()
  for (let position = 0; position < positions; position++) {
    const start = position * pairs
    cos.fill(1, start, start + still)
    for (let axis = 0; axis < 3; axis++) {
      const fraction = fractions[position * 3 + axis] as number
      let turn = turns.get(fraction)
      if (!turn) turns.set(fraction, (turn = turned(frequencies, fraction)))
      for (let i = 0; i < frequencies.length; i++) {
        const at = start + still + i * 3 + axis
        cos[at] = turn.cos[i] as number
        sin[at] = turn.sin[i] as number
      }
    }
  }
  return { cos, sin, positions }
}

function turned(frequencies: Float32Array, fraction: number): { cos: Float32Array; sin: Float32Array } {
  const centred = f32(f32(fraction * 2) - 1)
  const angles = frequencies.map((frequency) => frequency * centred)
  return { cos: angles.map(Math.cos), sin: angles.map(Math.sin) }
}

/** π/2·θ^(i/(n−1)), from 1·π/2 to θ·π/2. */
function ropeFrequencies(count: number): Float32Array {
  const step = f32(1 / (count - 1))
  return Float32Array.from({ length: count }, (_, i) => {
    // torch.linspace counts from both ends towards the middle; its second half is a fused multiply-add
    const exponent = i < count >> 1 ? f32(step * i) : count === 1 ? 0 : f32(1 - step * (count - i - 1))
    return f32(f32(f32(THETA ** exponent) * f32(Math.PI)) / 2)
  })
}
