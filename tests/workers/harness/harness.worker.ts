// Writes clips through the functions of the pipeline, for tests in a real browser.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../../../src/shared/error-transfer'
import type { JobReport } from '../../../src/shared/job'
import type { GenerateRequest } from '../../../src/shared/request'
import { chooseEncoder, type Codec } from '../../../workers/media/encode'
import { openClipSink, saveRecord, type ClipSink, type FinishedClip } from '../../../workers/pipeline/clip-sink'
import { sweepClips } from '../../../workers/storage/library'
import { listClipFiles } from '../../../workers/storage/clips'
import { listAside } from '../../../workers/storage/queues'
import { MIGRATIONS, openRecords } from '../../../workers/storage/records'
import { colorOf, type ClipSpec } from './clip-spec'

registerErrorTransfer()

let sink: ClipSink | undefined
let clip: FinishedClip | undefined

const report: JobReport = {
  adapter: 'test',
  precision: 'f32',
  kernels: {},
  tokens: 1,
  textMs: 1,
  stepMs: [1],
  decodeMs: 1,
  encodeMs: 1,
  totalMs: 1,
  weightGpuBytes: 1,
  peakGpuBytes: 1,
  peakHostBytes: null,
  latentsSha256: '00',
  framesSha256: '00',
}

/** Frame `index`: one color that identifies the index, or noise that does not compress. */
function draw(spec: ClipSpec, index: number, rgba: Uint8ClampedArray<ArrayBuffer>): void {
  if (!spec.noise) {
    const color = [...colorOf(index), 255]
    for (let i = 0; i < rgba.length; i++) rgba[i] = color[i % 4]!
    return
  }
  let state = index + 1
  for (let i = 0; i < rgba.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    rgba[i] = state >>> 24
  }
}

const harness = {
  async encoderFor(width: number, height: number, fps: number, codecs?: Codec[]) {
    const choice = await chooseEncoder(width, height, fps, codecs)
    return choice && { codec: choice.codec, codecString: choice.codecString, steady: choice.quantizer !== undefined }
  },

  /** Opens a clip and writes its frames, without finishing it. */
  async beginClip(spec: ClipSpec): Promise<void> {
    sink = await openClipSink(spec)
    const rgba = new Uint8ClampedArray(spec.width * spec.height * 4) // one buffer for all frames, as the decoder has
    for (let index = 0; index < (spec.stopAfter ?? spec.frames); index++) {
      draw(spec, index, rgba)
      await sink.add(sink.format.ofRgba(rgba))
    }
  },

  async makeClip(spec: ClipSpec) {
    await harness.beginClip(spec)
    clip = await sink!.finish(spec.frames, spec.recipe)
    const { blob, poster, ...facts } = clip
    return { ...facts, blobType: blob.type, blobBytes: blob.size, posterType: poster.type, posterBytes: poster.size }
  },

  abort: () => sink?.abort(),
  bytes: () => clip?.blob,
  poster: () => clip?.poster,

  /** @param changes of the request in its record @param jobId of the job of a queue that made it */
  async save(prompt: string, changes: Partial<GenerateRequest> = {}, jobId?: string) {
    if (!clip) throw new Error('No clip is finished.')
    const request = { model: 'starter', prompt, width: 64, height: 64, frames: 9, fps: 8, steps: 4, guidance: 3, seed: 7, ...changes }
    const { id, saveError, blob } = await saveRecord(clip, { ...(jobId !== undefined && { jobId }), request, modelName: 'Test', modelVersion: 1, report })
    return { id, saveError, blobBytes: (await blob.arrayBuffer()).byteLength }
  },

  files: listClipFiles,
  sweep: sweepClips,
  aside: listAside,

  /** Opens a database of version 1 with a migration that is newer than it. */
  async migrate(name: string, fail: boolean) {
    const records = await openRecords(name, [
      ...MIGRATIONS.slice(0, 1),
      async (_database, transaction) => {
        let cursor = await transaction.objectStore('clips').openCursor()
        while (cursor) {
          await cursor.update({ ...(cursor.value as object), schemaVersion: 2, favourite: false })
          cursor = await cursor.continue()
        }
        if (fail) throw new Error('this step fails')
      },
    ])
    const list = await records.list()
    records.close()
    return list
  },

  /** Migrates a database to the current version. */
  async upgrade(name: string) {
    const records = await openRecords(name)
    const list = await records.list()
    records.close()
    return list
  },

  async listAtVersionOne(name: string) {
    const records = await openRecords(name, MIGRATIONS.slice(0, 1))
    const list = await records.list()
    records.close()
    return list
  },
}

export type Harness = typeof harness

expose(harness)
