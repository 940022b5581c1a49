// LTX-Video's transformer and autoencoder by their headers and configs: in one file whose metadata holds the configs, or in the folders of
// diffusers' layout with a config.json each.
import * as v from 'valibot'
import { AppError } from '../../../src/shared/errors'
import { MAX_FILE_BYTES, misfitError, parseFields, readJson } from '../../../src/shared/file-bounds'
import { LtxAutoencoder } from './autoencoder'
import { parseLtxAutoencoderConfig } from './autoencoder-config'
import { LtxTransformer, type TransformerOptions } from './transformer'
import type { LtxOriginalConfig } from './original-config'
import { checkpointKind, requirePart, type CheckpointKind } from '../checkpoint-kind'
import { ggufKind, isGguf, openGgufHeader } from '../open-gguf'
import type { ByteSource } from '../../weights/byte-source'
import type { LocalFolder } from '../../weights/local-source'
import { readWhole } from '../../weights/byte-source'
import { FileWeights } from '../../weights/file-weights'
import { TensorReader } from '../../weights/tensor-reader'
import { openPartTable } from '../../weights/safetensors-table'
import type { TensorTable } from '../../weights/tensor-table'
import { bytesOf } from '../gpu-memory-budget'
import { openLtxCheckpoint } from './cached-models'
import type { ModelFiles } from '../model-files'

/** LTX-Video, of which nothing but headers has been read. */
export interface LtxFiles {
  /** what the headers say of the transformer */
  kind: CheckpointKind
  transformer: TensorTable
  autoencoder: TensorTable
  config: LtxOriginalConfig
}

const STEM = 'diffusion_pytorch_model'
const SchedulerSchema = v.looseObject({ _class_name: v.literal('FlowMatchEulerDiscreteScheduler') })
const TransformerSchema = v.looseObject({ _class_name: v.literal('LTXVideoTransformer3DModel') })
const AutoencoderSchema = v.looseObject({ _class_name: v.literal('AutoencoderKLLTXVideo') })

/**
 * Opens LTX-Video.
 * @throws AppError weights-missing, weights-corrupt naming what was found instead
 */
export async function openLtxFiles(signal: AbortSignal, files: ModelFiles): Promise<LtxFiles> {
  if (files.layout === 'folder') return openLtxFolder(signal, files.folder)
  const { file } = files
  await refuseGguf(signal, file)
  const { table, kind, config } = await openLtxCheckpoint(signal, file)
  requirePart(kind, 'transformer', file.name)
  requirePart(kind, 'autoencoder', file.name)
  return {
    kind,
    transformer: table,
    autoencoder: table,
    config,
  }
}

/** A GGUF has the transformer alone, and no configs. @throws AppError weights-corrupt naming what it contains */
async function refuseGguf(signal: AbortSignal, file: ByteSource): Promise<void> {
  if (!(await isGguf(signal, file))) return
  requirePart(ggufKind(await openGgufHeader(signal, file), file.name), 'transformer', file.name)
  const expected = "the single-file checkpoint (.safetensors), which has its autoencoder and its configs too, or a folder in diffusers' layout"
  throw new AppError('weights-corrupt', `${file.name} is a GGUF of LTX-Video's transformer alone; expected ${expected}.`, {
    file: file.name,
    expected,
    found: "a GGUF of LTX-Video's transformer",
  })
}

async function openLtxFolder(signal: AbortSignal, folder: LocalFolder): Promise<LtxFiles> {
  const transformer = await openPartTable(signal, folder, 'transformer', STEM)
  const kind = checkpointKind(transformer.entries, transformer.name)
  requirePart(kind, 'transformer', transformer.name)
  const autoencoder = await openPartTable(signal, folder, 'vae', STEM)
  requirePart(checkpointKind(autoencoder.entries, autoencoder.name), 'autoencoder', autoencoder.name)
  return {
    kind,
    transformer,
    autoencoder,
    config: {
      transformer: await readConfig(signal, folder, 'transformer/config.json', TransformerSchema),
      autoencoder: parseLtxAutoencoderConfig(await readConfig(signal, folder, 'vae/config.json', AutoencoderSchema)),
      scheduler: await readConfig(signal, folder, 'scheduler/scheduler_config.json', SchedulerSchema),
      sampler: 'Uniform',
    },
  }
}

async function readConfig<T extends Record<string, unknown>>(
  signal: AbortSignal,
  folder: LocalFolder,
  path: string,
  schema: v.GenericSchema<unknown, T>,
): Promise<T> {
  const file = await folder.open(signal, path)
  const json = readJson(await readWhole(signal, file, MAX_FILE_BYTES.config), MAX_FILE_BYTES.config, path)
  return parseFields(schema, json, (misfit) => misfitError('weights-corrupt', path, `${path} does not fit`, misfit))
}

/** Checks by the headers that loading will find all that it reads. @throws AppError weights-corrupt */
export async function requireWeights(signal: AbortSignal, { transformer, autoencoder, config }: LtxFiles, options: TransformerOptions): Promise<void> {
  LtxTransformer.requireWeights(config.transformer, new FileWeights(new TensorReader(transformer)), options)
  await LtxAutoencoder.requireWeights(signal, config.autoencoder, new TensorReader(autoencoder))
}

/** Bytes that the transformer's weights take of the GPU, by its config. @throws AppError weights-corrupt when that does not fit */
export function transformerBytes({ transformer, config }: LtxFiles, options: TransformerOptions): number {
  return bytesOf(LtxTransformer.requests(config.transformer, new FileWeights(new TensorReader(transformer)), options))
}
