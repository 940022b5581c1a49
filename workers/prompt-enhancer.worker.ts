// The API of the prompt enhancer: a small language model that expands short prompts. The page ends the worker when it is idle.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { announceWorker } from '../src/shared/worker-life'
import { openPromptEnhancer } from './pipeline/prompt-enhancer'

registerErrorTransfer()
announceWorker()

expose(openPromptEnhancer())
