// From the flags of the command line to a mode and its fields of a request. The modes declare their flags: src/shared/modes.
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { KIND_BYTES, mediaKind, type MediaKind } from '../src/shared/media-kind'
import type { ModelManifest } from '../src/shared/model'
import { modeById, MODES, unavailableReason, type ModeId } from '../src/shared/modes'
import type { FlagFiles, MediaInput } from '../src/shared/modes/mode'
import type { GenerateRequest } from '../src/shared/request'
import { framesOf } from '../src/shared/storyboard'
import { UsageError, type GenerateFlags } from './generate-flags'

const IMAGES: Record<string, string> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.webp': 'image/webp',
  '.avif': 'image/avif',
  '.gif': 'image/gif',
}

/** Images that Chromium does not decode. */
const UNREADABLE = ['image/heic', 'image/tiff', 'image/jxl', 'image/vnd.adobe.photoshop']

/** A file of the disk for the page to store. */
export interface InputFile {
  name: string
  type: string
  bytes: Buffer
}

/** Stores a file in the page; returns a video's duration, too. */
export type Keep = (file: InputFile) => Promise<{ id: string; seconds?: number }>

/** The mode that the flags mean. @throws UsageError when they contradict each other */
export function modeOf(flags: GenerateFlags): ModeId {
  const meant = MODES.filter(({ id }) => modeById(id).isChosen(flags, isImage)).map(({ id }) => id)
  // a flag may belong to several modes: the mode that is meant takes all that are given
  const [taking, ...others] = meant.filter((id) => foreignFlag(flags, id) === undefined)
  if (!flags.mode && meant.length > 1 && (!taking || others.length > 0)) throw new UsageError(`--mode: expected one of ${meant.join(' and ')}, got both`)
  const mode = flags.mode ?? taking ?? meant[0] ?? 't2v'
  const own = modeById(mode)
  const other = foreignFlag(flags, mode)
  if (other) throw new UsageError(`--mode ${mode}: expected the flags of that mode, got --${other}`)
  const missing = own.required.find((name) => !isGiven(flags, name))
  if (missing) throw new UsageError(`--${missing} is missing for --mode ${mode}`)
  return mode
}

/** A flag that is given and belongs to other modes alone. */
function foreignFlag(flags: GenerateFlags, mode: ModeId): string | undefined {
  const own = modeById(mode).flags
  return MODES.flatMap((each) => Object.keys(each.flags)).find((name) => isGiven(flags, name) && !(name in own))
}

function isGiven(flags: GenerateFlags, name: string): boolean {
  const value = flags[name as keyof GenerateFlags]
  return value !== undefined && value !== false
}

/** @throws UsageError when the model lacks what the mode needs */
export function requireMode(mode: ModeId, model: ModelManifest): void {
  const reason = unavailableReason(mode, model)
  if (reason) throw new UsageError(`--mode ${mode}: ${reason}`)
}

/** The request of the mode that the flags mean, from a request of text to video. @throws UsageError */
export async function modeRequest(flags: GenerateFlags, request: GenerateRequest, model: ModelManifest, keep: Keep): Promise<GenerateRequest> {
  const mode = modeById(modeOf(flags))
  const { fps } = request
  const seconds = flags.seconds ?? mode.flagSeconds?.(flags)
  const frames = seconds === undefined ? request.frames : framesOf(seconds, fps, model.latent.scaleTime)
  const { inputs, prompt = '', ignored = [] } = await mode.fromFlags(flags, filesOf(keep))
  for (const field of ignored) console.error(`${mode.id}: not understood: ${field}`)
  return {
    ...request,
    frames,
    prompt: [prompt, request.prompt].filter((part) => part !== '').join(', '),
    ...mode.toRequest(inputs, { frames, fps, model }),
  }
}

function filesOf(keep: Keep): FlagFiles {
  return {
    isImage,
    load: (path) => loadMedia(path, keep),
    beside: (path, name) => join(dirname(path), name),
    readJson(path) {
      try {
        return JSON.parse(readFileSync(path, 'utf8')) as unknown
      } catch (error) {
        throw new UsageError(`${path}: expected a JSON file: ${error instanceof Error ? error.message : String(error)}`)
      }
    },
  }
}

/** A file as the page stores it; an image has no duration. @throws UsageError when it cannot be read */
export async function loadMedia(path: string, keep: Keep): Promise<MediaInput> {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch {
    throw new UsageError(`${path} cannot be read: expected an image or video`)
  }
  const { kind, type, name } = mediaKind(bytes) ?? kindByName(path)
  if (UNREADABLE.includes(type)) throw new UsageError(`${path} is a picture of type ${name}, which the browser cannot decode: convert it to JPEG or PNG`)
  const { id, seconds } = await keep({ name: basename(path), type, bytes })
  return { kind, id, name: basename(path), ...(seconds !== undefined && { seconds }) }
}

/** Told by its first bytes, as the page does; by its name where those say nothing. */
function isImage(path: string): boolean {
  return (kindOnDisk(path) ?? kindByName(path)).kind === 'image'
}

function kindOnDisk(path: string): MediaKind | undefined {
  try {
    const file = openSync(path, 'r')
    try {
      const first = Buffer.alloc(KIND_BYTES)
      return mediaKind(first.subarray(0, readSync(file, first)))
    } finally {
      closeSync(file)
    }
  } catch {
    return undefined // load says that it cannot be read
  }
}

function kindByName(path: string): MediaKind {
  const type = IMAGES[extname(path).toLowerCase()]
  return type ? { kind: 'image', type, name: type } : { kind: 'video', type: 'video/webm', name: 'unknown' }
}
