// A plan's pieces, one after the other, into the clip's file: frames that exist already, and chunks that the model generates. Every mode
// runs through this loop.
import { leadsToNext, type ChunkPiece, type Piece } from '../../src/shared/plan'
import type { PromptEmbeds } from '../../src/shared/prompt-embeds'
import type { GenerateRequest } from '../../src/shared/request'
import type { LoadedModel } from '../models/architecture'
import { channelsFirst } from '../models/latent-grid'
import type { BoundaryBlend } from './boundary-blend'
import type { FrameWriter } from './frame-writer'
import { ValuesHash } from './hashes'
import type { JobContext } from './job-context'
import { writeMedia, type MediaFrames } from './media-frames'
import { decodeChunk, generateChunk } from './run-chunk'

export interface PlanRun {
  /** size, rate and settings of the whole clip */
  request: GenerateRequest
  plan: readonly Piece[]
  /** the model with its transformer on the GPU: asked for before each chunk, because decoding may have put the decoder in its place */
  model: (job: JobContext) => Promise<LoadedModel>
  /** the embeds of a chunk's prompt */
  embeds: (prompt: string) => PromptEmbeds
  media: MediaFrames
  writer: FrameWriter
  /** f32 [C, F', H', W'] instead of the first chunk's noise drawn from the seed */
  noise?: Float32Array<ArrayBuffer> | undefined
  /** asked after each chunk: whether the clip ends with it, or, where it is generated backwards, begins with it */
  endsEarly?: (() => boolean) | undefined
}

/** What a plan came to. */
export interface PlanResult {
  /** pieces that were written: all, unless the clip was stopped early */
  pieces: number
  /** of the last chunk, f32 [C, F', H', W'] */
  latents?: Float32Array<ArrayBuffer>
  /** of all chunks' latents */
  latentsSha256: string
}

/** The chunks of a plan. */
export function chunksOf(plan: readonly Piece[]): ChunkPiece[] {
  return plan.filter((piece) => piece.kind === 'chunk')
}

/** Writes a plan's pieces. @throws as openPart; AbortError */
export async function runPlan(job: JobContext, run: PlanRun): Promise<PlanResult> {
  const { request, plan, media, writer, endsEarly } = run
  const hash = new ValuesHash()
  const pieceJob = (piece: number): JobContext =>
    plan.length > 1 ? { ...job, report: (progress) => job.report({ ...progress, piece, pieces: plan.length }) } : job
  let model: LoadedModel | undefined
  let latents: Float32Array<ArrayBuffer> | undefined
  let pieces = 0
  let chunksAfter = chunksOf(plan).length
  /** Latents of chunks that are not written yet, f32 [F', H', W', C]: frames go to the file in order, and a chunk that leads to the next one is generated after it. */
  const generated = new Map<number, Float32Array<ArrayBuffer>>()
  let open: BoundaryBlend | undefined

  /** Generates a chunk, and before it those after it that it leads to. @returns the first that was generated: a later one where the clip is stopped early */
  const generate = async (index: number): Promise<number> => {
    let last = index
    while (leadsToNext(plan[last])) last++
    for (let at = last; ; at--) {
      chunksAfter--
      const chunk = plan[at] as ChunkPiece
      const own = pieceJob(index + last - at + 1)
      model = await run.model(own)
      generated.set(
        at,
        await generateChunk(own, {
          model,
          request,
          chunk,
          media,
          writer,
          embeds: run.embeds(chunk.prompt),
          noise: at === 0 ? run.noise : undefined,
          checkpoint: job.checkpoint?.chunk(at),
          chunksAfter,
          next: generated.get(at + 1),
        }),
      )
      if (at > index && !endsEarly?.()) continue
      chunksAfter -= at - index // those that are left out
      return at
    }
  }

  for (let index = 0; index < plan.length; index++) {
    if (plan[index]?.kind === 'chunk' && !generated.has(index)) index = await generate(index)
    const piece = plan[index] as Piece
    writer.begin(piece.dissolve, plan[index + 1]?.dissolve ?? 0)
    pieces++
    if (piece.kind === 'media') {
      await writeMedia(pieceJob(index + 1), media, piece, request, writer)
      continue
    }
    const chunkLatents = generated.get(index) as Float32Array<ArrayBuffer>
    generated.delete(index)
    open = await decodeChunk(pieceJob(index + 1), { model: model as LoadedModel, request, chunk: piece, writer, media }, chunkLatents, open)
    latents = channelsFirst(chunkLatents, (model as LoadedModel).manifest.latent.channels)
    hash.add(latents)
    // the last chunk may lead to a clip that is still to be written
    if (chunksAfter > 0 && endsEarly?.()) break
  }
  await writer.end(job.signal)
  return { pieces, latentsSha256: hash.hex(), ...(latents && { latents }) }
}
