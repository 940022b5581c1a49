import { describe, expect, it } from 'vitest'
import type { DownloadState, DownloadStatus } from '../../src/shared/worker-apis'
import type { ErrorData } from '../../src/shared/errors'
import { PROMPT_ENHANCER } from '../../src/shared/model-catalogue'
import { absent, ENCODER_SOURCES, modelSet, setProgress, VIDEO_SOURCES } from '../../src/state/model-set'
import { amountText, downloadSentence, downloadText, milestoneText, partText, freeSpaceText, spaceText, statusText } from '../../src/views/models/download-text'

const video = VIDEO_SOURCES[0]!
const encoder = ENCODER_SOURCES[0]!
const set = modelSet(video, encoder)
const [, , tokenizer] = set

/** The set's sources in these states, each with so many of 1000 bytes. */
function states(...rows: [DownloadStatus, number, Partial<DownloadState>?][]): Map<string, DownloadState> {
  return new Map(
    rows.map(([status, bytesDone, more], index) => {
      const source = set[index]!
      return [source.id, { ...absent(source), status, parts: [{ path: 'file', bytesDone, bytesTotal: 1000 }], ...more }]
    }),
  )
}

describe('a set', () => {
  it('is a video model with the encoder that reads for it and its tokenizer; an encoder brings the tokenizer too', () => {
    expect(set.map(({ role }) => role)).toEqual(['video', 'text-encoder', 'tokenizer'])
    expect(modelSet(PROMPT_ENHANCER, encoder), 'the prompt writer is for itself').toEqual([PROMPT_ENHANCER])
    expect(modelSet(ENCODER_SOURCES[1]!, encoder).map(({ id }) => id)).toEqual([ENCODER_SOURCES[1]!.id, tokenizer!.id])
    expect(modelSet(tokenizer!, encoder)).toEqual([tokenizer])
  })

  it('adds up what is here and what is to come', () => {
    const progress = setProgress(set, states(['downloading', 400, { bytesPerSecond: 100, secondsLeft: 6, resumable: true }], ['complete', 1000], ['absent', 0]), true)
    expect(progress).toMatchObject({ status: 'downloading', bytesDone: 1400, bytesTotal: 3000, bytesMissing: 1600, bytesPerSecond: 100, secondsLeft: 16, resumable: true })
    expect(progress.parts.map(partText)).toEqual(['400 B of 1.0 kB, coming', '1.0 kB, here', '1.0 kB, to come'])
  })

  it('is complete with its last file, and not begun while only shared files are here', () => {
    expect(setProgress(set, states(['complete', 1000], ['complete', 1000], ['complete', 1000]), false).status).toBe('complete')
    expect(setProgress(set, states(['complete', 1000], ['complete', 1000], ['absent', 0]), false).status).toBe('paused')
    expect(setProgress(set, states(['absent', 0], ['complete', 1000], ['complete', 1000]), false)).toMatchObject({ status: 'absent', bytesMissing: 1000 })
    expect(setProgress(set, new Map(), false)).toMatchObject({ status: 'absent', bytesDone: 0 })
  })

  it('does not take the progress of a shared file for its own, nor the moment between two files for a standstill', () => {
    const shared = states(['absent', 0], ['downloading', 10, { bytesPerSecond: 5 }], ['absent', 0])
    expect(setProgress(set, shared, false)).toMatchObject({ status: 'absent', bytesPerSecond: null, secondsLeft: null })
    expect(setProgress(set, states(['complete', 1000], ['absent', 0], ['absent', 0]), true).status).toBe('connecting')
  })

  it('leaves the time of a check to the worker', () => {
    const progress = setProgress(set, states(['checking', 1000, { bytesPerSecond: null, secondsLeft: 9 }], ['absent', 0], ['absent', 0]), true)
    expect(progress).toMatchObject({ status: 'checking', secondsLeft: 9 })
  })
})

describe('words of a download', () => {
  const progress = (status: DownloadStatus, bytesDone: number, more: Partial<DownloadState> = {}) =>
    setProgress(set, states([status, bytesDone, more], ['absent', 0], ['absent', 0]), status !== 'absent' && status !== 'paused')

  it('says where it stands, what comes and for how long', () => {
    expect(statusText(progress('absent', 0))).toBe('')
    expect(statusText(progress('paused', 5))).toBe('Paused. What is here is kept.')
    expect(statusText(progress('paused', 5), true)).toBe('Stopped. What is here is kept.')
    expect(statusText(progress('waiting', 5, { note: 'Trying again in 2 s.' }))).toBe('Trying again in 2 s.')
    expect(amountText(progress('downloading', 500, { bytesPerSecond: 250 }))).toBe('500 B of 3.0 kB · 250 B/s · about 10 s left')
    expect(amountText(progress('paused', 500))).toBe('500 B of 3.0 kB')
    expect(downloadText(progress('absent', 0))).toBe('3.0 kB with text encoder')
    expect(downloadText(setProgress(set, states(['absent', 0], ['complete', 1000], ['complete', 1000]), false))).toBe('1.0 kB')
  })

  it('is read out in tens of percent, and only while it moves', () => {
    expect([0, 299, 300, 599, 600].map((bytes) => milestoneText(progress('downloading', bytes)))).toEqual(['', '', '10 %', '10 %', '20 %'])
    expect(milestoneText(progress('paused', 900))).toBe('')
  })

  it('names the bytes that have no room', () => {
    const space = { usedBytes: 1e9, quotaBytes: 4e9, freeBytes: 3e9 }
    expect(freeSpaceText(3e9, space)).toBeNull()
    expect(freeSpaceText(11e9, null)).toBeNull()
    expect(freeSpaceText(11.2e9, space)).toMatch(/^11 GB are to come, .* 3\.0 GB left for Kinora: 8\.2 GB are missing\./)
    expect(spaceText(space)).toBe('1.0 GB used by Kinora, 3.0 GB free for it')
  })

  it('does not take the most that a browser tells for all that there is', () => {
    const space = { usedBytes: 0, quotaBytes: 10 * 2 ** 30, freeBytes: 10 * 2 ** 30 }
    expect(freeSpaceText(11.2e9, space)).toBeNull()
    expect(spaceText(space)).toBe('0 B used by Kinora, at least 11 GB free for it')
  })

  it('has a title for each reason, and passes on the facts', () => {
    const error = (code: ErrorData['code'], reason?: string): ErrorData => ({ code, message: 'x: expected 1, found 2.', details: reason ? { reason } : {} })
    const reasons = ['unreachable', 'cut', 'login', 'forbidden', 'not-found', 'changed', 'busy', 'server', 'web-page', 'no-length', 'no-range', 'wrong-range', 'status', 'damaged']
    const sentences = reasons.map((reason) => downloadSentence(error('weights-missing', reason)))
    expect(new Set(sentences.map(({ title }) => title)).size).toBe(reasons.length)
    expect(sentences.every(({ advice }) => advice === 'x: expected 1, found 2.')).toBe(true)
    expect(downloadSentence(error('storage-full')).title).toBe('There is not enough room.')
    expect(downloadSentence(error('weights-corrupt')).title).toBe('A file of the model is damaged.')
    expect(downloadSentence(error('internal', 'cut')).title).toBe('Something went wrong inside Kinora.')
  })
})
