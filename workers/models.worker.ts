// The models door: downloads of large models, checked and kept in the origin's private file system.
import { expose } from 'comlink'
import { registerErrorTransfer } from '../src/shared/error-transfer'
import { openDownloads } from './weights/downloads'

registerErrorTransfer()

expose(openDownloads())
