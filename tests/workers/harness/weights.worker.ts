// Loads the files of large models through the functions of the pipeline, for tests in a real browser.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../../../src/shared/error-transfer'
import { openGpu, type Gpu } from '../../../workers/engine/device'
import { withScope } from '../../../workers/engine/scope'
import { T5Encoder } from '../../../workers/models/t5/encoder'
import { parseT5EncoderConfig } from '../../../workers/models/t5/encoder-config'
import type { WeightFormat } from '../../../workers/ops/linear'
import { largeTextEncoderWeights, loadLargeTransformer } from '../../../workers/models/ltx/cached-models'
import { openT5Table } from '../../../workers/models/t5/files'
import { createWeightsFile, listWeightsFiles } from '../../../workers/storage/weights-file'
import { handleFolder, handleSource } from '../../../workers/weights/local-source'
import { openHttpSource } from '../../../workers/weights/http-source'
import { copiedBytes, removeOrphans } from '../../../workers/weights/quantized-cache'
import { TensorReader } from '../../../workers/weights/tensor-reader'
import { openPartTable, openTensorTable } from '../../../workers/weights/safetensors-table'
import { cacheFileName } from '../../../workers/weights/quantized-weights'

registerErrorTransfer()

const never = new AbortController().signal
let gpu: Promise<Gpu> | undefined
const opened = () => (gpu ??= openGpu(navigator.gpu))

const weights = {
  /** Loads a transformer. @returns the first block's keys of a text of ones: few kernels, because a software adapter compiles slowly */
  async transformer(url: string, identity: string, config: object, format: WeightFormat): Promise<number[]> {
    const device = await opened()
    const origin = { identity, open: async (signal: AbortSignal) => openTensorTable(signal, await openHttpSource(signal, url, 'transformer.safetensors')) }
    return withScope(device, async (scope) => {
      const transformer = await loadLargeTransformer(never, scope, config, origin, { precision: 'f32', linearFormat: format })
      const { caption_channels: caption } = transformer.config
      const text = transformer.prepareText(scope, scope.upload(new Float32Array(3 * caption).fill(1), [1, 3, caption], 'f32'))
      return [...(await device.read(text.blocks[0]!.key))]
    })
  },

  /** Embeds a prompt, half a block at a time. */
  async text(url: string, identity: string, config: object, ids: number[]): Promise<number[]> {
    const device = await opened()
    const parsed = parseT5EncoderConfig(config)
    const origin = { identity, open: async (signal: AbortSignal) => openT5Table(signal, await openHttpSource(signal, url, 't5.safetensors')) }
    const stream = await largeTextEncoderWeights(never, device, parsed, origin, 'i8')
    return withScope(device, async (scope) => {
      const [embeds] = await new T5Encoder(parsed, { precision: 'f32', linearFormat: 'i8' }, stream).encode(never, scope, [Uint32Array.from(ids)])
      return [...(await device.read(embeds!))]
    })
  },

  /** Leaves an unfinished file, as a crash does. */
  async leaveUnfinished(modelFiles: string, format: WeightFormat): Promise<void> {
    const sink = await createWeightsFile(await cacheFileName({ modelFiles, format }))
    sink.write(new Uint8Array(8), 0)
    sink.write(new Uint8Array(5000).fill(1), 20_000)
    sink.close()
  },

  files: () => listWeightsFiles(),

  /** Removes caches whose downloads are gone. @param present SHA-256 of the downloads that are left */
  removeOrphans: (present: string[]) => removeOrphans(never, new Set(present)),
  copiedBytes: async () => Object.fromEntries(await copiedBytes(never)),

  /** Opens a folder as one that the user chose. @returns a tensor's first rows, read through the folder and through a file handle */
  async fromDisk(url: string, tensor: string, rows: number): Promise<number[][]> {
    const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer())
    const picked = await (await navigator.storage.getDirectory()).getDirectoryHandle('picked', { create: true })
    const part = await picked.getDirectoryHandle('transformer', { create: true })
    const file = await part.getFileHandle('diffusion_pytorch_model.safetensors', { create: true })
    const handle = await file.createSyncAccessHandle()
    handle.write(bytes)
    handle.close()
    const ids = Uint32Array.from({ length: rows }, (_, row) => row)
    const byFolder = new TensorReader(await openPartTable(never, handleFolder(picked), 'transformer', 'diffusion_pytorch_model'))
    const byHandle = new TensorReader(await openTensorTable(never, await handleSource(file)))
    return [[...(await byFolder.rows(never, tensor, ids))], [...(await byHandle.rows(never, tensor, ids))]]
  },

  async missing(): Promise<void> {
    const picked = await (await navigator.storage.getDirectory()).getDirectoryHandle('picked', { create: true })
    await handleFolder(picked).open(never, 'vae/none.safetensors')
  },
}
export type WeightsHarness = typeof weights

expose(weights)
