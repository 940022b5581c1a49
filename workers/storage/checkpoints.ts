// Checkpoints of jobs: the OPFS folder jobs/<job id>/ has one file per chunk of the job's plan. A job that was paused, whose tab was
// closed or whose device was lost resumes from its last completed step.
import { isNotFound, openFolder, removeEntry } from './opfs'

/** The denoise loop of a chunk after a step. */
export interface LoopState {
  /** completed steps */
  step: number
  /** f32 [N + K, C]: all tokens of the chunk, the K conditioning tokens included */
  tokens: Float32Array<ArrayBuffer>
}

/** The checkpoint of one chunk. */
export interface ChunkCheckpoint {
  /** the saved state; undefined if there is none */
  read(): Promise<LoopState | undefined>
  /** Saves a state over the previous one, in the background. If storage is full, the job continues without further checkpoints. */
  save(state: LoopState): void
}

/** The checkpoints of one job. */
export interface JobCheckpoint {
  chunk(index: number): ChunkCheckpoint
  /** resolves when pending writes are done */
  settle(): Promise<void>
  /** deletes them: the job is finished, or will not be resumed */
  remove(): Promise<void>
}

/** The file that identifies the work that the folder's other files belong to. */
const IDENTITY = 'identity'
/** Bytes of the u32 step in front of the tokens. */
const STEP_BYTES = 4
const NO_CHECKPOINT = 'This job cannot be resumed if it is interrupted:'

/**
 * Opens the checkpoints of a job; null if the browser stores nothing (a private window, no free space).
 * @param identity everything that its frames depend on; checkpoints of another identity are deleted
 */
export async function openCheckpoint(jobId: string, identity: string): Promise<JobCheckpoint | null> {
  try {
    const jobs = await openJobs()
    return checkpointIn(jobs, jobId, await openJob(jobs, jobId, identity))
  } catch (error) {
    console.warn(NO_CHECKPOINT, error)
    return null
  }
}

async function openJob(jobs: FileSystemDirectoryHandle, jobId: string, identity: string): Promise<FileSystemDirectoryHandle> {
  const existing = await jobs.getDirectoryHandle(jobId, { create: true })
  if ((await readText(existing, IDENTITY)) === identity) return existing
  await jobs.removeEntry(jobId, { recursive: true })
  const folder = await jobs.getDirectoryHandle(jobId, { create: true })
  await replace(folder, IDENTITY, [identity])
  return folder
}

function checkpointIn(jobs: FileSystemDirectoryHandle, jobId: string, folder: FileSystemDirectoryHandle): JobCheckpoint {
  let writing: Promise<void> = Promise.resolve()
  let failed = false
  return {
    chunk: (index) => ({
      async read() {
        const file = await find(folder, String(index))
        if (!file || file.size <= STEP_BYTES) return undefined
        const bytes = await file.arrayBuffer()
        return { step: new DataView(bytes).getUint32(0, true), tokens: new Float32Array(bytes.slice(STEP_BYTES)) }
      },
      save({ step, tokens }) {
        if (failed) return
        writing = writing
          .then(() => replace(folder, String(index), [Uint32Array.of(step), tokens]))
          .catch((error: unknown) => {
            failed = true
            console.warn(NO_CHECKPOINT, error)
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

/** Deletes the checkpoints of these jobs. */
export async function forgetJobs(ids: readonly string[]): Promise<void> {
  const jobs = await openJobs()
  for (const id of ids) await removeEntry(jobs, id)
}

/**
 * Deletes the checkpoints of all other jobs.
 * @param knownIds ids of the jobs that may be resumed
 * @param beforeMs since the epoch: checkpoints written later stay, since a script may resume them
 */
export async function sweepJobs(knownIds: readonly string[], beforeMs: number): Promise<void> {
  const jobs = await openJobs()
  const old: string[] = []
  for await (const [name, folder] of jobs.entries()) {
    if (folder.kind === 'directory' && !knownIds.includes(name) && (await lastWritten(folder as FileSystemDirectoryHandle)) < beforeMs) old.push(name)
  }
  for (const name of old) await removeEntry(jobs, name)
}

/** When a file of a folder was last written, since the epoch; 0 for an empty folder. */
async function lastWritten(folder: FileSystemDirectoryHandle): Promise<number> {
  let latest = 0
  for await (const entry of folder.values()) {
    // a file that is being replaced may be missing for a moment
    const file = await find(folder, entry.name)
    latest = Math.max(latest, file?.lastModified ?? Date.now())
  }
  return latest
}

function openJobs(): Promise<FileSystemDirectoryHandle> {
  return openFolder('jobs')
}

/** Writes a file completely or not at all: a writable's file replaces the old one when it is closed. */
async function replace(
  folder: FileSystemDirectoryHandle,
  name: string,
  parts: readonly (string | Uint32Array<ArrayBuffer> | Float32Array<ArrayBuffer>)[],
): Promise<void> {
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
