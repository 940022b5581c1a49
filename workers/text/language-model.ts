// A small language model with the Llama architecture: an ONNX file in the layout of the transformers library, whose inputs and outputs
// include the key-value cache.
import {
  DynamicCache,
  InterruptableStoppingCriteria,
  LlamaForCausalLM,
  LogitsProcessor,
  LogitsProcessorList,
  PretrainedConfig,
  random,
  Tensor,
  TextStreamer,
} from '@huggingface/transformers'
import { AppError } from '../../src/shared/errors'
import { openSession, type InferenceSession } from './runtime'
import { openChatTokenizer } from './tokenizer'

/** The files of a model by their paths in its repository. */
export type LanguageModelFile = 'config.json' | 'generation_config.json' | 'tokenizer.json' | 'tokenizer_config.json' | 'onnx/model_q4.onnx'

/** A message of a chat. */
export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** How the next token is sampled. */
export interface Decoding {
  /** most tokens of an answer */
  maxNewTokens: number
  /** 1: off; more: tokens of the answer become less likely to be repeated. Tokens of the prompt do not. */
  repetitionPenalty: number
  /** samples from the most likely tokens; without it, decoding is greedy */
  seed?: number
}

/** An answer as text and as token ids, with the ids of the prompt. */
export interface Answer {
  text: string
  promptIds: number[]
  ids: number[]
}

/** A loaded model. */
export interface LanguageModel {
  /**
   * Answers the last message. The key-value cache of the messages before it is reused if the next call has the same ones. When the
   * signal fires, the result is the answer so far.
   * @param onText called with the answer so far, after each word
   */
  answer(signal: AbortSignal, messages: readonly Message[], decoding: Decoding, onText: (text: string) => void): Promise<Answer>
  release(): Promise<void>
}

/** Parameters of sampling with a seed. */
const SAMPLING = { temperature: 0.8, top_k: 40 }

/**
 * Loads a model.
 * @param read the bytes of a file; called once for each, the weights last, which are not referenced after the runtime has copied them
 * @throws AppError weights-corrupt, out-of-memory
 */
export async function openLanguageModel(read: (path: LanguageModelFile) => Promise<Uint8Array<ArrayBuffer>>): Promise<LanguageModel> {
  const readJson = async (path: LanguageModelFile): Promise<object> => {
    const bytes = await read(path)
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as object
    } catch {
      throw new AppError('weights-corrupt', `${path}: expected JSON; download the file again.`, { file: path })
    }
  }
  const config = await readJson('config.json')
  const generation_config = await readJson('generation_config.json')
  const tokenizer = openChatTokenizer(await readJson('tokenizer.json'), await readJson('tokenizer_config.json'))
  const session = await openWeights(read)
  // the library's class with our session: its loader would download, cache and set the runtime's paths
  const model = new LlamaForCausalLM(new PretrainedConfig(config), { model: interruptible(session) }, { generation_config })

  const idsOf = (part: readonly Message[], isWhole: boolean) =>
    toIds((tokenizer.apply_chat_template([...part], { add_generation_prompt: isWhole, return_dict: true }) as { input_ids: Tensor }).input_ids)

  let cached: { ids: number[]; keysAndValues: Record<string, Tensor> } | undefined
  /** The key-value cache of these ids. */
  const cacheOf = async (ids: number[]): Promise<Record<string, Tensor>> => {
    if (cached && isSame(cached.ids, ids)) return cached.keysAndValues
    const outputs = (await model.forward(toInputs(ids))) as Record<string, Tensor>
    const entries = Object.entries(outputs).flatMap(([name, tensor]) =>
      name.startsWith('present') ? [[name.replace('present', 'past_key_values'), tensor] as const] : [],
    )
    cached = { ids, keysAndValues: Object.fromEntries(entries) }
    return cached.keysAndValues
  }

  return {
    async answer(signal, messages, { maxNewTokens, repetitionPenalty, seed }, onText) {
      const promptIds = idsOf(messages, true)
      const before = idsOf(messages.slice(0, -1), false)
      const stopping = new InterruptableStoppingCriteria()
      const stop = () => stopping.interrupt()
      signal.addEventListener('abort', stop)
      let text = ''
      const streamer = new TextStreamer(tokenizer, {
        skip_prompt: true,
        skip_special_tokens: true,
        callback_function: (piece) => onText((text += piece)),
      })
      const penalty = new LogitsProcessorList()
      penalty.push(new RepetitionPenalty(repetitionPenalty, promptIds.length))
      if (seed !== undefined) random.seed(seed)
      try {
        // a chat template may format earlier messages differently if others follow
        const isPrefix = before.length > 0 && isSame(promptIds.slice(0, before.length), before)
        const past = isPrefix ? { past_key_values: new DynamicCache(await cacheOf(before)) } : {}
        if (signal.aborted) return { text: '', promptIds, ids: [] }
        const whole = await model.generate({
          ...toInputs(promptIds),
          ...past,
          max_new_tokens: maxNewTokens,
          do_sample: seed !== undefined,
          ...SAMPLING,
          logits_processor: penalty,
          stopping_criteria: stopping,
          streamer,
        } as Parameters<typeof model.generate>[0])
        const ids = toIds(whole as Tensor).slice(promptIds.length)
        return { text: tokenizer.decode(ids, { skip_special_tokens: true }), promptIds, ids }
      } finally {
        signal.removeEventListener('abort', stop)
      }
    },
    release: () => session.release(),
  }
}

async function openWeights(read: (path: LanguageModelFile) => Promise<Uint8Array<ArrayBuffer>>): Promise<InferenceSession> {
  const file = 'onnx/model_q4.onnx'
  try {
    return await openSession(await read(file))
  } catch (error) {
    if (error instanceof AppError) throw error
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof RangeError || /alloc|memory/i.test(message))
      throw new AppError('out-of-memory', `This browser has not enough memory for ${file}: ${message}. Close other tabs and try again.`, { file })
    throw new AppError('weights-corrupt', `${file}: expected an ONNX model that ONNX Runtime can load, got: ${message}`, { file })
  }
}

/** A session that yields to the event loop before each token: otherwise the worker would receive a stop only after the last one. */
function interruptible(
  session: InferenceSession,
): Pick<InferenceSession, 'inputNames' | 'inputMetadata'> & { run(feeds: InferenceSession.OnnxValueMapType): Promise<InferenceSession.OnnxValueMapType> } {
  return {
    inputNames: session.inputNames,
    inputMetadata: session.inputMetadata,
    async run(feeds) {
      await new Promise((resolve) => setTimeout(resolve))
      return session.run(feeds)
    },
  }
}

/** The library's own penalty includes the prompt, whose words the answer must use. */
class RepetitionPenalty extends LogitsProcessor {
  constructor(
    private readonly penalty: number,
    private readonly promptLength: number,
  ) {
    super()
  }

  override _call(inputIds: bigint[][], logits: Tensor): Tensor {
    const [ids = []] = inputIds
    const values = logits.data as Float32Array
    for (const id of new Set(ids.slice(this.promptLength))) {
      const at = Number(id)
      const value = values[at] ?? 0
      values[at] = value < 0 ? value * this.penalty : value / this.penalty
    }
    return logits
  }
}

function toIds(tensor: Tensor): number[] {
  return Array.from(tensor.data as BigInt64Array, Number)
}

/** The inputs for one prompt without padding. */
function toInputs(ids: readonly number[]): { input_ids: Tensor; attention_mask: Tensor } {
  const tensor = (values: BigInt64Array) => new Tensor('int64', values, [1, ids.length])
  return { input_ids: tensor(BigInt64Array.from(ids, BigInt)), attention_mask: tensor(new BigInt64Array(ids.length).fill(1n)) }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}
