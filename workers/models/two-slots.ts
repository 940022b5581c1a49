// Weights that are too many for the GPU pass through it in pieces: while one is in use, the next is loaded.
import { Scope } from '../engine/scope'

/** A piece on its way to the GPU, or on it. */
interface Slot<T> {
  scope: Scope
  value: Promise<T>
}

/**
 * Loads pieces 0 … count − 1 in order and yields each when it is there. The consumer dispatches what uses the piece, and asks for
 * the next: meanwhile that one is loaded. A piece is freed when the GPU has done what was dispatched, before the piece after the
 * next is begun: there are never more than two.
 * @param load puts the tensors of a piece into its `own` scope. It should end soon after the signal's abort: that is waited for.
 * @throws what `load` throws, what the GPU reports, and the signal's AbortError; no piece is left behind
 */
export async function* inTwoSlots<T>(
  signal: AbortSignal,
  { gpu }: Scope,
  count: number,
  load: (own: Scope, index: number) => Promise<T>,
): AsyncGenerator<T, void> {
  const held: Slot<T>[] = []
  const open = (index: number): void => {
    const scope = new Scope(gpu)
    const value = load(scope, index)
    value.catch(() => undefined) // awaited below, unless something else fails first
    held.push({ scope, value })
  }
  try {
    if (count > 0) open(0)
    for (let index = 0; index < count; index++) {
      const slot = held[0] as Slot<T>
      const value = await slot.value
      signal.throwIfAborted()
      yield value
      const done = gpu.settle()
      if (index + 1 < count) open(index + 1)
      await done
      held.shift()
      slot.scope.close()
      signal.throwIfAborted()
    }
  } finally {
    await Promise.allSettled(held.map(({ value }) => value)) // a load that goes on would put tensors into a closed scope
    for (const { scope } of held) scope.close()
  }
}
