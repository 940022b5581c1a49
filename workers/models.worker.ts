// The API for downloads of models to OPFS.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { announceWorker } from '../src/shared/worker-life'
import { openDownloads } from './weights/downloads'

registerErrorTransfer()
announceWorker()

expose(openDownloads())
