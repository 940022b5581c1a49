// How far a job has come: jobs/<job id>/ in this origin's private file system, one file for each window of its plan. A job whose tab was
// closed, whose device was lost or which was paused goes on from its last finished step.
import { isNotFound } from './not-found'

/** A window's denoise loop after a step. */
export interface LoopState {
  /** steps done */
  step: number
  /** f32 [N + K, C]: all of its tokens, those of known pictures included */
  tokens: Float32Array<ArrayBuffer>
}

/** What is kept of one window. */
export interface ChunkCheckpoint {
  /** where it stood, if it was begun before */
  read(): Promise<LoopState | undefined>
  /** Keeps a state in the place of the one before. It takes its time beside the work; a disk that is full ends the keeping, not the job. */
  keep(state: LoopState): void
}

/** What is kept of one job. */
export interface JobCheckpoint {
  window(index: number): ChunkCheckpoint
  /** waits for what is being written */
  settle(): Promise<void>
  /** the job is finished, or never to go on */
  remove(): Promise<void>
}

/** The file that says which work the others belong to. */
const IDENTITY = 'identity'
/** Bytes of the step's number in front of the tokens. */
const STEP_BYTES = 4
const CANNOT_GO_ON = 'This job cannot be gone on with if it is interrupted:'

/**
 * Opens what is kept of a job; null where the browser keeps nothing (a private window, no space at all).
 * @param identity all that its frames follow from; kept states of anything else are removed
 */
export async function openCheckpoint(jobId: string, identity: string): Promise<JobCheckpoint | null> {
  try {
    const jobs = await openJobs()
    return checkpointIn(jobs, jobId, await openJob(jobs, jobId, identity))
  } catch (error) {
    console.warn(CANNOT_GO_ON, error)
    return null
  }
}

async function openJob(jobs: FileSystemDirectoryHandle, jobId: string, identity: string): Promise<FileSystemDirectoryHandle> {
  const kept = await jobs.getDirectoryHandle(jobId, { create: true })
  if ((await readText(kept, IDENTITY)) === identity) return kept
  await jobs.removeEntry(jobId, { recursive: true })
  const folder = await jobs.getDirectoryHandle(jobId, { create: true })
  await replace(folder, IDENTITY, [identity])
  return folder
}

function checkpointIn(jobs: FileSystemDirectoryHandle, jobId: string, folder: FileSystemDirectoryHandle): JobCheckpoint {
  let writing: Promise<void> = Promise.resolve()
  let full = false
  return {
    window: (index) => ({
      async read() {
        const file = await find(folder, String(index))
        if (!file || file.size <= STEP_BYTES) return undefined
        const bytes = await file.arrayBuffer()
        return { step: new DataView(bytes).getUint32(0, true), tokens: new Float32Array(bytes.slice(STEP_BYTES)) }
      },
      keep({ step, tokens }) {
        if (full) return
        writing = writing
          .then(() => replace(folder, String(index), [Uint32Array.of(step), tokens]))
          .catch((error: unknown) => {
            full = true
            console.warn(CANNOT_GO_ON, error)
          })
      },
    }),
    settle: () => writing,
    async remove() {
      await writing
      await removeEntry(jobs, jobId)
    },
  }
}

/** Removes what is kept of these jobs. */
export async function forgetJobs(ids: readonly string[]): Promise<void> {
  const jobs = await openJobs()
  for (const id of ids) await removeEntry(jobs, id)
}

/**
 * Removes what is kept of jobs that nobody knows any more.
 * @param known ids of those that somebody does
 * @param beforeMs since the epoch: what was written later stays, for a script may go on with it
 */
export async function sweepJobs(known: readonly string[], beforeMs: number): Promise<void> {
  const jobs = await openJobs()
  const old: string[] = []
  for await (const [name, folder] of jobs.entries()) {
    if (folder.kind === 'directory' && !known.includes(name) && (await lastWritten(folder as FileSystemDirectoryHandle)) < beforeMs) old.push(name)
  }
  for (const name of old) await removeEntry(jobs, name)
}

/** When a file of a folder was written last, since the epoch; 0 of an empty one. */
async function lastWritten(folder: FileSystemDirectoryHandle): Promise<number> {
  let latest = 0
  for await (const entry of folder.values()) {
    // one that is written anew just now is not there for a moment
    const file = await find(folder, entry.name)
    latest = Math.max(latest, file?.lastModified ?? Date.now())
  }
  return latest
}

async function openJobs(): Promise<FileSystemDirectoryHandle> {
  return (await navigator.storage.getDirectory()).getDirectoryHandle('jobs', { create: true })
}

/** Whole or not at all: a writable's file takes the old one's place when it is closed. */
async function replace(folder: FileSystemDirectoryHandle, name: string, parts: readonly (string | Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>)[]): Promise<void> {
  const writable = await (await folder.getFileHandle(name, { create: true })).createWritable()
  try {
    for (const part of parts) await writable.write(part)
    await writable.close()
  } catch (error) {
    await writable.abort().catch(() => undefined)
    throw error
  }
}

async function readText(folder: FileSystemDirectoryHandle, name: string): Promise<string | undefined> {
  return (await find(folder, name))?.text()
}

async function find(folder: FileSystemDirectoryHandle, name: string): Promise<File | undefined> {
  try {
    return await (await folder.getFileHandle(name)).getFile()
  } catch (error) {
    if (isNotFound(error)) return undefined
    throw error
  }
}

async function removeEntry(folder: FileSystemDirectoryHandle, name: string): Promise<void> {
  try {
    await folder.removeEntry(name, { recursive: true })
  } catch (error) {
    if (!isNotFound(error)) throw error
  }
}
