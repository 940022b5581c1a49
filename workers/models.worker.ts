// The API for downloads of models to OPFS.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { openDownloads } from './weights/downloads'

registerErrorTransfer()

expose(openDownloads())
