// A clip that is still being made is told from garbage by a Web Lock, which ends by itself when its worker dies.

const releases = new Map<string, () => void>()

const lockName = (file: string) => `kinora clip ${file}`

/** Holds a clip's lock until unlockClip, or until this worker ends. */
export async function lockClip(file: string): Promise<void> {
  await new Promise<void>((held, failed) => {
    navigator.locks
      .request(lockName(file), () => {
        held()
        return new Promise<void>((release) => releases.set(file, release))
      })
      .catch(failed)
  })
}

/** Gives the lock back; harmless when it is not held here. */
export function unlockClip(file: string): void {
  releases.get(file)?.()
  releases.delete(file)
}

/** Runs `action` only if nobody is making this clip right now. */
export async function ifNotInTheMaking(file: string, action: () => Promise<void>): Promise<void> {
  await navigator.locks.request(lockName(file), { ifAvailable: true }, async (lock) => {
    if (lock) await action()
  })
}
