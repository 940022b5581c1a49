// What the flags of a mode add to a request: files become sources, seconds become frames.
import { readFileSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import type { ModelManifest } from '../src/shared/model'
import { BETWEEN_SECONDS, blendParts, REMIX_STRENGTH, RETIME_STRENGTH, type TimedSource } from '../src/shared/modes'
import type { ClipPart, Condition, GenerateRequest } from '../src/shared/request'
import { framesOf, parseStoryboard } from '../src/shared/storyboard'
import type { MODES } from './generate-flags'
import { UsageError, type GenerateFlags } from './generate-flags'

export type Mode = (typeof MODES)[number]

const PICTURES: Record<string, string> = {
  '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.webp': 'image/webp', '.avif': 'image/avif', '.gif': 'image/gif',
}

/** A file of the disk for the page to keep. */
export interface InputFile {
  name: string
  type: string
  bytes: Buffer
}

/** Gives a file to the page; of a video it answers the length, too. */
export type Keep = (file: InputFile) => Promise<{ id: string; seconds?: number }>

/** The mode that the flags ask for. @throws UsageError when they contradict each other */
export function modeOf(flags: GenerateFlags): Mode {
  const asked: [Mode, unknown][] = [
    ['image', flags.image], ['extend', flags.extend], ['remix', flags.remix], ['retime', flags.retime], ['storyboard', flags.storyboard],
    ['fill', flags.first ?? flags.last ?? flags.keyframe], ['loop', flags.loop || undefined],
  ]
  const found = asked.filter(([, value]) => value !== undefined).map(([mode]) => mode)
  const [only = 'text', other] = found
  if (other && !(only === 'extend' && other === 'loop')) throw new UsageError(`--mode: expected one of ${found.join(' and ')}, got both`)
  const mode = flags.mode ?? (other ?? only)
  const fits = mode === only || mode === other || (mode === 'blend' && only === 'fill') || (mode === 'loop' && only === 'text')
  if (!fits) throw new UsageError(`--mode ${mode}: expected the flags of that mode, got those of ${only}`)
  return mode
}

/** A request for the mode, from one for words alone. @throws UsageError */
export async function modeRequest(flags: GenerateFlags, request: GenerateRequest, model: ModelManifest, keep: Keep): Promise<GenerateRequest> {
  const { fps } = request
  const { scaleTime } = model.latent
  const strength = flags['condition-strength'] ?? 1
  const frames = (seconds: number | undefined, otherwise: number) => (seconds === undefined ? otherwise : framesOf(seconds, fps, scaleTime))
  const picture = async (file: string, atFrame: number): Promise<Condition> => ({ source: (await give(file, keep)).source, atFrame, strength })
  const clip = async (file: string): Promise<ClipPart> => ({ source: (await give(file, keep)).source })
  switch (modeOf(flags)) {
    case 'text':
      return { ...request, frames: frames(flags.seconds, request.frames) }
    case 'image':
      return { ...request, frames: frames(flags.seconds, request.frames), conditions: [await picture(required(flags.image, '--image'), 0)] }
    case 'extend': {
      const part = await clip(required(flags.extend, '--extend'))
      return { ...request, frames: frames(flags.seconds, request.frames), ...(flags.backward ? { after: part } : { before: part }) }
    }
    case 'loop':
      if (flags.extend === undefined) return { ...request, frames: frames(flags.seconds, request.frames), loop: true }
      return { ...request, frames: framesOf(flags.seconds ?? BETWEEN_SECONDS, fps, scaleTime), before: await clip(flags.extend), loop: true }
    case 'remix':
      return { ...request, frames: frames(flags.seconds, request.frames), start: { ...(await clip(required(flags.remix, '--remix'))), strength: flags.strength ?? REMIX_STRENGTH } }
    case 'retime':
      return { ...request, frames: frames(flags.seconds, request.frames), start: { ...(await clip(required(flags.retime, '--retime'))), strength: flags.strength ?? RETIME_STRENGTH, stretch: true } }
    case 'blend':
      return { ...request, frames: framesOf(flags.seconds ?? BETWEEN_SECONDS, fps, scaleTime), ...blendParts(await give(required(flags.first, '--first'), keep), await give(required(flags.last, '--last'), keep)) }
    case 'fill':
      return fill(flags, { ...request, frames: frames(flags.seconds, request.frames) }, picture, clip)
    case 'storyboard':
      return storyboard(required(flags.storyboard, '--storyboard'), request, model, keep)
  }
}

/** Pictures at the beginning, the end and between; or the gap between two videos. */
async function fill(
  { first, last, keyframe = [] }: GenerateFlags, request: GenerateRequest, picture: (file: string, atFrame: number) => Promise<Condition>, clip: (file: string) => Promise<ClipPart>,
): Promise<GenerateRequest> {
  const conditions: Condition[] = []
  if (first !== undefined && isPicture(first)) conditions.push(await picture(first, 0))
  for (const entry of keyframe) {
    const at = entry.indexOf('=')
    conditions.push(await picture(entry.slice(at + 1), Math.round(Number(entry.slice(0, at)) * request.fps)))
  }
  if (last !== undefined && isPicture(last)) conditions.push(await picture(last, request.frames - 1))
  return {
    ...request,
    conditions,
    ...(first !== undefined && !isPicture(first) && { before: await clip(first) }),
    ...(last !== undefined && !isPicture(last) && { after: await clip(last) }),
  }
}

async function storyboard(file: string, request: GenerateRequest, model: ModelManifest, keep: Keep): Promise<GenerateRequest> {
  let data: unknown
  try {
    data = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--storyboard: expected a JSON file, got ${file}: ${error instanceof Error ? error.message : String(error)}`)
  }
  const { prompt, sameSeed, shots, ignored } = parseStoryboard(data, model, request.fps)
  for (const field of ignored) console.error(`storyboard: not understood: ${field}`)
  const words = [prompt, request.prompt].filter((part) => part !== '').join(', ')
  return {
    ...request,
    prompt: words,
    ...(sameSeed !== undefined && { sameSeed }),
    shots: await Promise.all(
      shots.map(async ({ image, clip, crop, ...shot }) => {
        const named = image ?? clip
        if (named === undefined) return shot
        const { source } = await give(join(dirname(file), named), keep)
        return { ...shot, conditions: [{ source, atFrame: 0, strength: 1, ...(crop && image !== undefined && { crop }) }] }
      }),
    ),
  }
}

/** A file as the page keeps it; a picture has no length. */
async function give(file: string, keep: Keep): Promise<TimedSource> {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch {
    throw new UsageError(`${file} cannot be read: expected a picture or video`)
  }
  const type = PICTURES[extname(file).toLowerCase()]
  const { id, seconds = 0 } = await keep({ name: basename(file), type: type ?? 'video/webm', bytes })
  return { source: { kind: type ? 'image' : 'video', id }, seconds }
}

function isPicture(file: string): boolean {
  return extname(file).toLowerCase() in PICTURES
}

function required(value: string | undefined, flag: string): string {
  if (value === undefined) throw new UsageError(`${flag} is missing for this mode`)
  return value
}
