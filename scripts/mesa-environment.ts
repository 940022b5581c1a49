// What Mesa's software driver (lavapipe) reads of the environment when it is loaded.
import { join } from 'node:path'
import { cacheFolder } from './process.mjs'

/** Kernels are compiled for vectors of 4 twice as fast as for 8, and run no slower. */
const USUAL_BITS = 128

/**
 * Sets the width of its vectors: a subgroup has a lane for each 32 bits. Without `bits` an environment that names one is left as it is. Call
 * it before the driver is loaded.
 *
 * Mesa keeps compiled kernels on the disk by their code alone: another width gets a folder of its own, or it would be given kernels of this one.
 */
export function setVectorBits(bits?: number): void {
  const width = String(bits ?? process.env['LP_NATIVE_VECTOR_WIDTH'] ?? USUAL_BITS)
  process.env['LP_NATIVE_VECTOR_WIDTH'] = width
  if (width !== String(USUAL_BITS)) process.env['MESA_SHADER_CACHE_DIR'] = join(cacheFolder, `mesa-${width}`)
}
