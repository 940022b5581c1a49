// How long a model takes here, measured before it is downloaded: by the shape of its blocks alone.
import type { ModelTimes } from '../../src/shared/time-estimate'
import type { Gpu } from '../engine/device'
import { fitsInMemory } from '../engine/buffer-pool'
import { modelShape } from './open-model'

/** Tried, the most first. */
const ROOM_BYTES = [16, 12, 8, 6, 4, 3, 2.5, 2, 1.5, 1, 0.5, 0.25].map((gigabytes) => gigabytes * 1e9)

/**
 * The most that is asked of a software adapter. Its memory is the host's and is really taken: Chromium's SwiftShader takes half a
 * second for each gigabyte, and its process ends when it is asked for 16.
 */
const SOFTWARE_BYTES = 4e9

/**
 * Times a block of a model's shape on this GPU.
 * @param url absolute URL of a model folder, ending in /, or the address of a downloaded model
 * @throws AppError not-found, weights-missing, weights-corrupt
 */
export async function measureModel(signal: AbortSignal, gpu: Gpu, url: string): Promise<ModelTimes> {
  const { probe, width, blocks, decoderFlops } = await modelShape(signal, url)
  return { measured: await probe(signal, gpu), width, blocks, decoderFlops, budgetBytes: await findMemoryBudget(gpu) }
}

/** The most of these that the GPU gives now; 0 when it gives none. */
async function findMemoryBudget({ device, facts }: Gpu): Promise<number> {
  const asked = ROOM_BYTES.filter((bytes) => !facts.software || bytes <= SOFTWARE_BYTES)
  for (const bytes of asked) if (await fitsInMemory(device, bytes)) return bytes
  return 0
}
