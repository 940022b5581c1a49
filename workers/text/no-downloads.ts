// The transformers library can download by itself. Here it must not: every byte comes through our own checks.
import { env } from '@huggingface/transformers'

env.allowRemoteModels = false
env.allowLocalModels = false
