// How a large picture is cut into tiles, and how many frames a part of a network takes at once, so that no tensor is over the
// limit of a binding. Pure arithmetic. Along time nothing is cut: the network runs in time order (ltx-autoencoder-stream.ts).
import { AppError } from '../../src/shared/errors'

/** What every WebGPU device can bind, and the most a tensor may take: 128 MiB. */
export const BINDING_BYTES = 2 ** 27
/** What a tensor should take, so that working memory stays small beside what is held. */
const WORKING_BYTES = 2 ** 26
/** By default: more frames at once would gain nothing. */
const MOST_FRAMES = 16
const MOST_TILES = 64

/** The memory of one part of a network, for each latent pixel of a tile. */
export interface UnitSize {
  /** places of its grid */
  features: number
  /** its largest tensors: f32 values a frame, and frames besides those it was given */
  tensors: readonly { floats: number; more: number }[]
  /** f32 values that it remembers between frames */
  held: number
}

/**
 * A tile along one axis: from … to − 1. It shares `lead` places with the tile before it, and `trail` with the one after. Of
 * those, the outermost `margin` count for nothing: they are the furthest from what the network wanted to see.
 */
export interface Span {
  from: number
  to: number
  lead: number
  trail: number
  margin: number
}

export interface Tile {
  y: Span
  x: Span
}

export interface TilePlan {
  /** in rows, from the top left */
  tiles: readonly Tile[]
  /** frames at once of each unit */
  atOnce: readonly number[]
  /** of any one tensor */
  largestBytes: number
  /** remembered between frames, all tiles together, if all of it were f32 */
  heldBytes: number
}

export interface TileOptions {
  /** latent pixels that neighbours share */
  overlap: number
  /** how many of them, at the edge of each tile, are not used: less than half */
  margin: number
  /** the most latent pixels of a tile; by default as many as fit the binding */
  area?: number
  /** the most frames of a unit at once */
  frames?: number
}

/** Cuts 0 … length − 1 into `count` spans that share `overlap` places with each neighbour, and differ in length by at most one. */
export function splitAxis(length: number, count: number, overlap: number, margin = 0): Span[] {
  const starts = Array.from({ length: count }, (_, index) => Math.ceil((index * (length - overlap)) / count))
  return starts.map((from, index) => ({
    from,
    to: index === count - 1 ? length : (starts[index + 1] as number) + overlap,
    lead: index === 0 ? 0 : overlap,
    trail: index === count - 1 ? 0 : overlap,
    margin,
  }))
}

/** The same span in units `scale` times finer. */
export function scaleSpan({ from, to, lead, trail, margin }: Span, scale: number): Span {
  return { from: from * scale, to: to * scale, lead: lead * scale, trail: trail * scale, margin: margin * scale }
}

/**
 * What a tile counts for at its place `at` (0 is span.from): straight up through what it shares with the tile before, and down
 * through what it shares with the one after. The weights of both are 1 together. The kernel is shaders/blend_tile.wgsl.
 */
export function blendWeight({ from, to, lead, trail, margin }: Span, at: number): number {
  const ramp = (place: number, shared: number) => (shared === 0 ? 1 : Math.min(1, Math.max(0, (place - margin) / (shared - 2 * margin))))
  return Math.min(ramp(at, lead), ramp(to - from - at, trail))
}

/**
 * The fewest tiles that fit, as square as they can be, and the frames at once of each unit.
 * @param grid the picture's latent
 * @throws AppError bad-request when no cut is fine enough
 */
export function planTiles(
  units: readonly UnitSize[],
  grid: { height: number; width: number },
  { overlap, margin, area = Infinity, frames = MOST_FRAMES }: TileOptions,
): TilePlan {
  if (2 * margin >= Math.max(1, overlap)) throw new Error(`planTiles: a margin of ${margin} leaves nothing of an overlap of ${overlap}.`)
  for (let count = 1; count <= MOST_TILES; count++) {
    const [best] = cuts(grid, count, overlap)
      .filter(({ height, width }) => height * width <= area && Math.max(...units.map((unit) => bytesOf(unit, height * width, 1))) <= BINDING_BYTES)
      .sort((a, b) => Math.abs(Math.log(a.height / a.width)) - Math.abs(Math.log(b.height / b.width)))
    if (!best) continue
    const tileArea = best.height * best.width
    const atOnce = units.map((unit) => framesAtOnce(unit, tileArea, frames))
    const spansX = splitAxis(grid.width, best.columns, overlap, margin)
    const tiles = splitAxis(grid.height, best.rows, overlap, margin).flatMap((y) => spansX.map((x) => ({ y, x })))
    const places = tiles.reduce((sum, { y, x }) => sum + (y.to - y.from) * (x.to - x.from), 0)
    return {
      tiles,
      atOnce,
      largestBytes: Math.max(...units.map((unit, index) => bytesOf(unit, tileArea, atOnce[index] as number))),
      heldBytes: units.reduce((sum, { held }) => sum + held * 4 * places, 0),
    }
  }
  throw new AppError(
    'bad-request',
    `A picture of ${grid.width} × ${grid.height} latent pixels is too large: expected at most ${MOST_TILES} tiles that share ${overlap}. Choose a smaller size.`,
    { ...grid },
  )
}

/** The ways to have `count` tiles, with the largest tile of each. A tile meets at most one neighbour at any place. */
function cuts(grid: { height: number; width: number }, count: number, overlap: number) {
  const found: { rows: number; columns: number; height: number; width: number }[] = []
  for (let rows = 1; rows <= count; rows++) {
    const columns = count / rows
    if (!Number.isInteger(columns)) continue
    const [height, width] = [longest(grid.height, rows, overlap), longest(grid.width, columns, overlap)]
    if (height !== undefined && width !== undefined) found.push({ rows, columns, height, width })
  }
  return found
}

function longest(length: number, count: number, overlap: number): number | undefined {
  if (count === 1) return length
  const step = (length - overlap) / count
  return Math.floor(step) < Math.max(1, overlap) ? undefined : Math.ceil(step) + overlap
}

/** The unit's largest tensor when it takes `frames` at once. */
function bytesOf({ tensors }: UnitSize, area: number, frames: number): number {
  return Math.max(...tensors.map(({ floats, more }) => floats * (frames + more) * area * 4))
}

function framesAtOnce(unit: UnitSize, area: number, most: number): number {
  let frames = 1
  while (frames < most && bytesOf(unit, area, frames + 1) <= WORKING_BYTES) frames++
  return frames
}
