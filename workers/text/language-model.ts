// Text that goes on token by token, by a small decoder of Llama's kind: an ONNX file in the layout of the transformers library,
// with the keys and values of all earlier tokens going in and coming out.
import { DynamicCache, InterruptableStoppingCriteria, LlamaForCausalLM, LogitsProcessor, LogitsProcessorList, PretrainedConfig, PreTrainedTokenizer, random, Tensor, TextStreamer } from '@huggingface/transformers'
import { AppError } from '../../src/shared/errors'
import './no-downloads'
import { openSession, type InferenceSession } from './runtime'

/** The files of a model, by their paths in its repository. */
export type LanguageModelFile = 'config.json' | 'generation_config.json' | 'tokenizer.json' | 'tokenizer_config.json' | 'onnx/model_q4.onnx'

/** What is said to the model, by whom. */
export interface Message {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** How the next token is chosen. */
export interface Decoding {
  /** tokens at most */
  maxNewTokens: number
  /** 1: none; more: what the answer has already is less likely to come again. What was given is not made less likely. */
  repetitionPenalty: number
  /** draws from the likely ones; without it, always the likeliest */
  seed?: number
}

/** An answer: its text, and the ids that it was read from. */
export interface Answer {
  text: string
  promptIds: number[]
  ids: number[]
}

/** A model in memory. */
export interface LanguageModel {
  /**
   * Answers the last of the messages. Those before it are read once: another answer behind the same ones begins sooner. When the
   * signal fires, it answers with what it has.
   * @param onText hears the answer so far, after each word
   */
  answer(signal: AbortSignal, messages: readonly Message[], decoding: Decoding, onText: (text: string) => void): Promise<Answer>
  release(): Promise<void>
}

/** Where an answer is drawn: from so many likeliest tokens, made this even. */
const DRAWN = { temperature: 0.8, top_k: 40 }

/**
 * Loads a model.
 * @param read the bytes of a file; each is asked for once, the weights last, and nothing of them is kept beside the runtime's own copy
 * @throws AppError weights-corrupt, out-of-memory
 */
export async function openLanguageModel(read: (path: LanguageModelFile) => Promise<Uint8Array<ArrayBuffer>>): Promise<LanguageModel> {
  const readJson = async (path: LanguageModelFile): Promise<object> => {
    const bytes = await read(path)
    try {
      return JSON.parse(new TextDecoder().decode(bytes)) as object
    } catch {
      throw new AppError('weights-corrupt', `${path} is not JSON.`, { file: path })
    }
  }
  const config = await readJson('config.json')
  const generation_config = await readJson('generation_config.json')
  const tokenizer = openTokenizer(await readJson('tokenizer.json'), await readJson('tokenizer_config.json'))
  const session = await openWeights(read)
  // the library's own class, but our session: its loader would fetch, keep copies and set the runtime's paths
  const model = new LlamaForCausalLM(new PretrainedConfig(config), { model: answeringMessages(session) }, { generation_config })

  const idsOf = (part: readonly Message[], isWhole: boolean) =>
    toIds((tokenizer.apply_chat_template([...part], { add_generation_prompt: isWhole, return_dict: true }) as { input_ids: Tensor }).input_ids)

  let kept: { ids: number[]; keysAndValues: Record<string, Tensor> } | undefined
  /** What the model keeps of these ids, with which every answer's begin. */
  const readBefore = async (ids: number[]): Promise<Record<string, Tensor>> => {
    if (kept && isSame(kept.ids, ids)) return kept.keysAndValues
    const outputs = (await model.forward(toInputs(ids))) as Record<string, Tensor>
    const entries = Object.entries(outputs).flatMap(([name, tensor]) => (name.startsWith('present') ? [[name.replace('present', 'past_key_values'), tensor] as const] : []))
    kept = { ids, keysAndValues: Object.fromEntries(entries) }
    return kept.keysAndValues
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
        // a template may write the earlier messages in another way where others follow
        const isBefore = before.length > 0 && isSame(promptIds.slice(0, before.length), before)
        const past = isBefore ? { past_key_values: new DynamicCache(await readBefore(before)) } : {}
        if (signal.aborted) return { text: '', promptIds, ids: [] }
        const whole = await model.generate({
          ...toInputs(promptIds),
          ...past,
          max_new_tokens: maxNewTokens,
          do_sample: seed !== undefined,
          ...DRAWN,
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

function openTokenizer(json: object, config: object): PreTrainedTokenizer {
  try {
    return new PreTrainedTokenizer(json, config)
  } catch (error) {
    throw new AppError('weights-corrupt', `tokenizer.json is not readable: ${String(error)}.`, { file: 'tokenizer.json' })
  }
}

async function openWeights(read: (path: LanguageModelFile) => Promise<Uint8Array<ArrayBuffer>>): Promise<InferenceSession> {
  const file = 'onnx/model_q4.onnx'
  try {
    return await openSession(await read(file))
  } catch (error) {
    if (error instanceof AppError) throw error
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof RangeError || /alloc|memory/i.test(message)) throw new AppError('out-of-memory', `This browser has not enough memory left for ${file}: ${message}`, { file })
    throw new AppError('weights-corrupt', `${file} does not load: ${message}`, { file })
  }
}

/** A session that lets the worker hear its messages before each token: without a pause, a stop would be heard after the last one. */
function answeringMessages(session: InferenceSession): Pick<InferenceSession, 'inputNames' | 'inputMetadata'> & { run(feeds: InferenceSession.OnnxValueMapType): Promise<InferenceSession.OnnxValueMapType> } {
  return {
    inputNames: session.inputNames,
    inputMetadata: session.inputMetadata,
    async run(feeds) {
      await new Promise((resolve) => setTimeout(resolve))
      return session.run(feeds)
    },
  }
}

/** The library's own counts the prompt in, where the words stand that are to be said. */
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

/** One prompt, all of it read. */
function toInputs(ids: readonly number[]): { input_ids: Tensor; attention_mask: Tensor } {
  const tensor = (values: BigInt64Array) => new Tensor('int64', values, [1, ids.length])
  return { input_ids: tensor(BigInt64Array.from(ids, BigInt)), attention_mask: tensor(new BigInt64Array(ids.length).fill(1n)) }
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index])
}
