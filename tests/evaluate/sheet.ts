// A contact sheet: a row of frames a clip, its prompt, and what the probe read otherwise.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import sharp from 'sharp'
import type { Clip } from './clip'
import { evenFrames } from './preprocess'
import type { Attribute } from './world'

const FRAMES_SHOWN = 5
const COLUMNS = 2
/** pixels */
const GAP = 2
const LABEL = 34
const MARGIN = 10

/** One clip of the sheet. */
export interface SheetEntry {
  clip: Clip
  prompt: string
  /** what was read otherwise than asked */
  mistakes: readonly Mistake[]
}

export interface Mistake {
  name: Attribute
  asked: string
  read: string
}

/** `count` of `total` indices, evenly spread: which of many clips are shown. */
export function spread(total: number, count: number): number[] {
  return Array.from({ length: Math.min(total, count) }, (_, k) => Math.floor((k * total) / Math.min(total, count)))
}

/** Writes the PNG; all clips are of one size. */
export async function writeSheet(entries: readonly SheetEntry[], file: string): Promise<void> {
  const [first] = entries
  if (!first) throw new Error('writeSheet: expected at least one clip, got none.')
  const { width, height } = first.clip
  const cellWidth = FRAMES_SHOWN * (width + GAP) + MARGIN
  const cellHeight = height + LABEL
  const layers = entries.flatMap(({ clip, prompt, mistakes }, index) => {
    const left = MARGIN + (index % COLUMNS) * cellWidth
    const top = MARGIN + Math.floor(index / COLUMNS) * cellHeight
    const frames = evenFrames(clip.frames.length, FRAMES_SHOWN).map((frame, k) => ({
      input: Buffer.from(clip.frames[frame]!),
      raw: { width, height, channels: 4 as const },
      left: left + k * (width + GAP),
      top,
    }))
    return [...frames, { input: Buffer.from(label(prompt, mistakes, cellWidth - MARGIN)), left, top: top + height }]
  })
  mkdirSync(dirname(file), { recursive: true })
  await sharp({
    create: {
      width: Math.min(entries.length, COLUMNS) * cellWidth + MARGIN,
      height: Math.ceil(entries.length / COLUMNS) * cellHeight + MARGIN,
      channels: 3,
      background: '#161618',
    },
  })
    .composite(layers)
    .png({ compressionLevel: 9 })
    .toFile(file)
}

/** The prompt, and under it in red what was read otherwise than asked. */
function label(prompt: string, mistakes: readonly Mistake[], width: number): string {
  const lines = [
    { text: prompt, fill: '#f2f2f2' },
    { text: mistakes.map(({ name, asked, read }) => `${name}: ${asked} → ${read}`).join(',  '), fill: '#ff8a80' },
  ]
  const fits = Math.floor(width / 6.2)
  const rows = lines.map(({ text, fill }, k) => {
    const short = text.length > fits ? `${text.slice(0, fits - 1)}…` : text
    return `<text x="1" y="${12 + 14 * k}" fill="${fill}">${escapeXml(short)}</text>`
  })
  const style = 'font-family="DejaVu Sans, sans-serif" font-size="11"'
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${LABEL}" ${style}>${rows.join('')}</svg>`
}

function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (mark) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[mark] ?? mark)
}
