import { describe, expect, it } from 'vitest'
import type { DownloadState, DownloadStatus } from '../../src/shared/worker-apis'
import type { ErrorData } from '../../src/shared/errors'
import { CATALOGUE, encodersOf, PROMPT_ENHANCER } from '../../src/shared/model-catalogue'
import { absent, modelSet, setProgress, VIDEO_ENTRIES } from '../../src/state/model-set'
import {
  amountText,
  downloadErrorMessage,
  downloadText,
  milestoneText,
  partText,
  freeSpaceText,
  spaceText,
  statusText,
} from '../../src/views/models/download-text'

const video = VIDEO_ENTRIES[0]!
const encoders = encodersOf('t5-xxl')
const encoder = encoders[0]!
const set = modelSet(video, encoder)
const [, , tokenizer] = set

/** States of the entries of the set, each with a number of 1000 bytes done. */
function states(...rows: [DownloadStatus, number, Partial<DownloadState>?][]): Map<string, DownloadState> {
  return new Map(
    rows.map(([status, bytesDone, more], index) => {
      const source = set[index]!
      return [source.id, { ...absent(source), status, parts: [{ path: 'file', bytesDone, bytesTotal: 1000 }], ...more }]
    }),
  )
}

describe('modelSet and setProgress', () => {
  it('include the text encoder of a video model and the tokenizer of a text encoder', () => {
    expect(set.map(({ role }) => role)).toEqual(['video', 'text-encoder', 'tokenizer'])
    expect(modelSet(PROMPT_ENHANCER, encoder), 'the prompt enhancer has no dependencies').toEqual([PROMPT_ENHANCER])
    expect(modelSet(encoders[1]!, encoder).map(({ id }) => id)).toEqual([encoders[1]!.id, tokenizer!.id])
    expect(modelSet(tokenizer!, encoder)).toEqual([tokenizer])
  })

  it('include the text encoder and the tokenizer of the architecture alone', () => {
    const other = { ...video, id: 'other', encoderKind: 'umt5' }
    const umt5 = { ...encoder, id: 'umt5-fp8', encoderKind: 'umt5' }
    const catalogue = [...CATALOGUE, other, umt5, { ...tokenizer!, id: 'umt5-tokenizer', encoderKind: 'umt5' }]
    expect(encodersOf('umt5', catalogue)).toEqual([umt5])
    expect(modelSet(other, umt5, catalogue).map(({ id }) => id)).toEqual(['other', 'umt5-fp8', 'umt5-tokenizer'])
    expect(modelSet(video, encoder, catalogue)).toEqual(set)
  })

  it('sum up the bytes of all entries', () => {
    const progress = setProgress(
      set,
      states(['downloading', 400, { bytesPerSecond: 100, secondsLeft: 6, resumable: true }], ['complete', 1000], ['absent', 0]),
      true,
    )
    expect(progress).toMatchObject({
      status: 'downloading',
      bytesDone: 1400,
      bytesTotal: 3000,
      bytesMissing: 1600,
      bytesPerSecond: 100,
      secondsLeft: 16,
      resumable: true,
    })
    expect(progress.parts.map(partText)).toEqual(['400 B of 1.0 kB, downloading', '1.0 kB, done', '1.0 kB, pending'])
  })

  it('are complete with the last file, and absent while only shared files are downloaded', () => {
    expect(setProgress(set, states(['complete', 1000], ['complete', 1000], ['complete', 1000]), false).status).toBe('complete')
    expect(setProgress(set, states(['complete', 1000], ['complete', 1000], ['absent', 0]), false).status).toBe('paused')
    expect(setProgress(set, states(['absent', 0], ['complete', 1000], ['complete', 1000]), false)).toMatchObject({ status: 'absent', bytesMissing: 1000 })
    expect(setProgress(set, new Map(), false)).toMatchObject({ status: 'absent', bytesDone: 0 })
  })

  it('ignore the progress of a shared file for another set, and stay active between two files', () => {
    const shared = states(['absent', 0], ['downloading', 10, { bytesPerSecond: 5 }], ['absent', 0])
    expect(setProgress(set, shared, false)).toMatchObject({ status: 'absent', bytesPerSecond: null, secondsLeft: null })
    expect(setProgress(set, states(['complete', 1000], ['absent', 0], ['absent', 0]), true).status).toBe('connecting')
  })

  it('use the time left of a verification from the worker', () => {
    const progress = setProgress(set, states(['checking', 1000, { bytesPerSecond: null, secondsLeft: 9 }], ['absent', 0], ['absent', 0]), true)
    expect(progress).toMatchObject({ status: 'checking', secondsLeft: 9 })
  })
})

describe('download text', () => {
  const progress = (status: DownloadStatus, bytesDone: number, more: Partial<DownloadState> = {}) =>
    setProgress(set, states([status, bytesDone, more], ['absent', 0], ['absent', 0]), status !== 'absent' && status !== 'paused')

  it('describes status, size and time left', () => {
    expect(statusText(progress('absent', 0))).toBe('')
    expect(statusText(progress('paused', 5))).toBe('Paused. Progress is saved.')
    expect(statusText(progress('paused', 5), true)).toBe('Stopped. Progress is saved.')
    expect(statusText(progress('waiting', 5, { note: 'Trying again in 2 s.' }))).toBe('Trying again in 2 s.')
    expect(amountText(progress('downloading', 500, { bytesPerSecond: 250 }))).toBe('500 B of 3.0 kB · 250 B/s · about 10 s left')
    expect(amountText(progress('paused', 500))).toBe('500 B of 3.0 kB')
    expect(downloadText(progress('absent', 0))).toBe('3.0 kB including text encoder')
    expect(downloadText(setProgress(set, states(['absent', 0], ['complete', 1000], ['complete', 1000]), false))).toBe('1.0 kB')
  })

  it('announces progress in steps of 10 %, only while downloading', () => {
    expect([0, 299, 300, 599, 600].map((bytes) => milestoneText(progress('downloading', bytes)))).toEqual(['', '', '10 %', '10 %', '20 %'])
    expect(milestoneText(progress('paused', 900))).toBe('')
  })

  it('names the storage that is missing', () => {
    const space = { usedBytes: 1e9, quotaBytes: 4e9, freeBytes: 3e9 }
    expect(freeSpaceText(3e9, space)).toBeNull()
    expect(freeSpaceText(11e9, null)).toBeNull()
    expect(freeSpaceText(11.2e9, space)).toMatch(/^The download needs 11 GB, but only 3\.0 GB is free\. Free up at least 8\.2 GB:/)
    expect(spaceText(space)).toBe('1.0 GB used, 3.0 GB free')
  })

  it('treats the maximum that browsers report as a lower bound', () => {
    const space = { usedBytes: 0, quotaBytes: 10 * 2 ** 30, freeBytes: 10 * 2 ** 30 }
    expect(freeSpaceText(11.2e9, space)).toBeNull()
    expect(spaceText(space)).toBe('0 B used, at least 11 GB free')
  })

  it('has a title for each reason and includes the facts', () => {
    const error = (code: ErrorData['code'], reason?: string): ErrorData => ({ code, message: 'x: expected 1, found 2.', details: reason ? { reason } : {} })
    const reasons = [
      'unreachable',
      'cut',
      'login',
      'forbidden',
      'not-found',
      'changed',
      'busy',
      'server',
      'web-page',
      'no-length',
      'no-range',
      'wrong-range',
      'status',
      'damaged',
    ]
    const messages = reasons.map((reason) => downloadErrorMessage(error('weights-missing', reason)))
    expect(new Set(messages.map(({ title }) => title)).size).toBe(reasons.length)
    expect(messages.every(({ advice }) => advice === 'x: expected 1, found 2.')).toBe(true)
    expect(downloadErrorMessage(error('storage-full')).title).toBe('Not enough storage.')
    expect(downloadErrorMessage(error('weights-corrupt')).title).toBe('A model file is corrupted.')
    expect(downloadErrorMessage(error('internal', 'cut')).title).toBe('Something went wrong.')
  })
})
