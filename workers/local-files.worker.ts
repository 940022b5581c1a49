// The API for models on the user's own disk.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { announceWorker } from '../src/shared/worker-life'
import { localModels } from './pipeline/local-models'

registerErrorTransfer()
announceWorker()

expose(localModels)
