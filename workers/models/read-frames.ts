// Pictures on their way from the GPU: while one group is read back and encoded, the next is computed.
import type { Preview } from '../../src/shared/job'
import type { Scope } from '../engine/scope'
import type { Tensor } from '../engine/tensor'

/** Groups that may be on their way at once: the one that the caller waits for, and the one behind it. */
const AHEAD = 2

/** Reads a preview back, u32 [F, h, w], owned by `scope` and freed here: what is dispatched once this is called may write over it. */
export async function readPreview(scope: Scope, pictures: Tensor): Promise<Preview> {
  const [frames = 0, height = 0, width = 0] = pictures.shape
  const bytes = scope.gpu.readBytes(pictures)
  scope.free(pictures)
  return { width, height, frames, rgba: new Uint8ClampedArray(await bytes) }
}

/**
 * Reads groups of frames back in order. A group is dispatched before the one in front of it is handed out, so that the GPU has work while the
 * caller encodes; no more than that, so that memory stays flat and a cancelled job waits for no more.
 * @param groups dispatches a group when it is asked for: pictures as bytes, owned by `scope` and freed here, or nothing
 *   where work was dispatched that gave no picture yet
 */
export async function* readFrames(
  signal: AbortSignal,
  scope: Scope,
  groups: Iterable<Tensor | undefined>,
): AsyncGenerator<Uint8ClampedArray<ArrayBuffer>, void, undefined> {
  const { gpu } = scope
  const coming: Promise<ArrayBuffer>[] = []
  try {
    for (const group of groups) {
      if (group) {
        const bytes = gpu.readBytes(group)
        bytes.catch(() => undefined) // it is told when its turn comes, or not at all where the caller has left
        coming.push(bytes)
        scope.free(group)
        signal.throwIfAborted()
        if (coming.length < AHEAD) continue
        yield new Uint8ClampedArray(await (coming.shift() as Promise<ArrayBuffer>))
      } else {
        signal.throwIfAborted()
        if (coming.length === 0) await gpu.settle()
      }
    }
    for (const bytes of coming.splice(0)) {
      signal.throwIfAborted()
      yield new Uint8ClampedArray(await bytes)
    }
  } finally {
    await Promise.allSettled(coming)
  }
}
