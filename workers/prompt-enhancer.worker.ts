// The writer door: a small language model that writes a short prompt out. Ended by the page when it is not used.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { openPromptEnhancer } from './pipeline/prompt-enhancer'

registerErrorTransfer()

expose(openPromptEnhancer())
