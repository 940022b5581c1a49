// Pieces of a plan that are there already: clips of the library and the user's own videos, shown as they are.
import type { ProgressEvent } from '../../src/shared/job'
import { shownFrames, type Piece, type SourcePiece } from '../../src/shared/plan'
import type { Reel } from './reel'
import type { ClipSources, FrameShape } from './source-frames'

/** Frames of the finished clip. Opens what the plan names, so that nothing is made around a clip that is gone. @throws as openPart */
export async function countFrames(signal: AbortSignal, sources: ClipSources, plan: readonly Piece[], shape: FrameShape): Promise<number> {
  let frames = 0
  for (const piece of plan) {
    if (piece.kind === 'source') {
      const part = await sources.openPart(signal, piece.part, shape)
      frames += part.count
      part.close()
    } else frames += shownFrames(piece)
    frames -= piece.dissolve
  }
  return frames
}

/** Puts a clip's frames on the reel. @throws as openPart; AbortError */
export async function showSource(signal: AbortSignal, sources: ClipSources, { part }: SourcePiece, shape: FrameShape, reel: Reel, tell: (event: ProgressEvent) => void): Promise<void> {
  const frames = await sources.openPart(signal, part, shape)
  try {
    let shown = 0
    for await (const frame of frames.read(signal, 0, frames.count)) {
      await reel.add(signal, frame)
      tell({ stage: 'decoding', step: ++shown, steps: frames.count })
    }
  } finally {
    frames.close()
  }
}
