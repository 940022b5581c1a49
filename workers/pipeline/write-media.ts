// Pieces of a plan that are there already: clips of the library and the user's own videos, shown as they are.
import type { JobProgress } from '../../src/shared/job'
import { shownFrames, type Piece, type MediaPiece } from '../../src/shared/plan'
import type { FrameWriter } from './frame-writer'
import type { MediaFrames, FrameShape } from './media-frames'

/** Frames of the finished clip. Opens what the plan names, so that nothing is made around a clip that is gone. @throws as openPart */
export async function countFrames(signal: AbortSignal, sources: MediaFrames, plan: readonly Piece[], shape: FrameShape): Promise<number> {
  let frames = 0
  for (const piece of plan) {
    if (piece.kind === 'media') {
      const part = await sources.openPart(signal, piece.part, shape)
      frames += part.count
      part.close()
    } else frames += shownFrames(piece)
    frames -= piece.dissolve
  }
  return frames
}

/** Puts a clip's frames on the reel. @throws as openPart; AbortError */
export async function writeMedia(signal: AbortSignal, sources: MediaFrames, { part }: MediaPiece, shape: FrameShape, reel: FrameWriter, tell: (event: JobProgress) => void): Promise<void> {
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
