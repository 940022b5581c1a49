// The disk door: models that lie on the user's own disk, checked by their headers.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { localModels } from './pipeline/local-models'

registerErrorTransfer()

expose(localModels)
