// The script of the scripted generator: written by a test into the page's Cache storage, read by the worker when a job begins.
import type { ErrorData } from '../../src/shared/errors'

/** Cache and address that hold the script. */
export const SCRIPT_CACHE = 'kinora-test-script'
export const SCRIPT_URL = '/script.json'

export interface Script {
  /** how long a denoise step takes, ms; 80 when left out */
  stepMs?: number
  /** jobs reject with this error at this step of their first chunk; 0: before the model is loaded */
  fail?: { error: ErrorData; atStep: number; times: number }
  /** GPU memory in bytes; unlimited when left out */
  budgetBytes?: number
  /** the GPU cannot be used: probe() and every job reject with this */
  noGpu?: ErrorData
}
