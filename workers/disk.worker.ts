// The disk door: models that lie on the user's own disk, checked by their headers.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { diskModels } from './pipeline/disk-models'

registerErrorTransfer()

expose(diskModels)
