import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GenerateRequest } from '../../src/shared/request'
import { adopted, changed, duplicated, isOpen, movedBy, movedTo, openList, readJobs, replaced, wantedIds, type QueueJob } from '../../src/state/queue-jobs'
import { draftShareText, jobText, offerText, queueText } from '../../src/views/create/job-text'

const request: GenerateRequest = { model: 'starter', prompt: 'a boat', width: 128, height: 128, frames: 17, fps: 8, steps: 10, guidance: 5, seed: 7 }
const STATUSES = ['waiting', 'running', 'paused', 'failed', 'done', 'cancelled'] as const

function job(id: string, status: QueueJob['status'] = 'waiting', rest: Partial<QueueJob> = {}): QueueJob {
  return { id, request, modelId: 'starter', modelName: 'Starter', status, ...rest }
}

const ids = (jobs: readonly QueueJob[]) => jobs.map(({ id }) => id).join('')
const list = fc.uniqueArray(fc.constantFrom(...'abcdefgh'), { minLength: 1 }).chain((names) => fc.tuple(...names.map((id) => fc.constantFrom(...STATUSES).map((status) => job(id, status)))))
const letter = fc.constantFrom(...'abcdefghx')

describe('the list', () => {
  it('moves a job up, down and to another’s place', () => {
    const jobs = [...'abcd'].map((id) => job(id))
    expect(ids(movedBy(jobs, 'c', -1))).toBe('acbd')
    expect(ids(movedBy(jobs, 'b', 1))).toBe('acbd')
    expect(ids(movedBy(jobs, 'a', -1))).toBe('abcd')
    expect(ids(movedBy(jobs, 'd', 1))).toBe('abcd')
    expect(ids(movedBy(jobs, 'x', 1))).toBe('abcd')
    expect(ids(movedTo(jobs, 'a', 'd'))).toBe('bcda')
    expect(ids(movedTo(jobs, 'd', 'b'))).toBe('adbc')
  })

  it('neither loses nor doubles a job, however it is moved', () => {
    fc.assert(
      fc.property(list, letter, letter, fc.constantFrom(-1, 1), (jobs, one, other, by) => {
        for (const moved of [movedTo(jobs, one, other), movedBy(jobs, one, by)]) expect([...moved].sort(byId)).toEqual([...jobs].sort(byId))
        const at = jobs.findIndex(({ id }) => id === other)
        if (at >= 0 && jobs.some(({ id }) => id === one)) expect(movedTo(jobs, one, other)[at]?.id).toBe(one)
      }),
    )
  })

  it('takes others in a job’s place, or at the end when it is gone', () => {
    const jobs = [job('a'), job('b'), job('c')]
    expect(ids(replaced(jobs, 'b', [job('x'), job('y')]))).toBe('axyc')
    expect(ids(replaced(jobs, 'z', [job('x')]))).toBe('abcx')
  })

  it('copies a job right behind it, to be made anew, outside its batch', () => {
    const copied = duplicated([job('a', 'done', { resultId: 'clip', batch: { id: 'batch', label: 'Seed 7' } }), job('b')], 'a', 'x')
    expect(ids(copied)).toBe('axb')
    expect(copied[1]).toEqual(job('x'))
    expect(duplicated(copied, 'gone', 'y')).toBe(copied)
  })

  it('changes one job', () => {
    expect(changed([job('a'), job('b')], 'b', { status: 'paused' })).toEqual([job('a'), job('b', 'paused')])
  })

  it('continues while a job is open; otherwise a new one begins with the failed jobs', () => {
    fc.assert(
      fc.property(list, (jobs) => {
        if (jobs.some(isOpen)) expect(openList(jobs)).toBe(jobs)
        else expect(openList(jobs)).toEqual(jobs.length > 1 ? jobs.filter(({ status }) => status === 'failed') : [])
      }),
    )
  })
})

describe('what a closed page has left', () => {
  it('waits for a word, with the whole of a batch of which something is left', () => {
    const batch = { id: 'one', label: 'Seed 7' }
    const other = { id: 'other', label: 'Seed 7' }
    const jobs = [
      job('a', 'done'), job('b', 'cancelled'), job('c', 'running'), job('d', 'failed', { error: { code: 'internal', message: '', details: {} } }),
      job('e', 'done', { batch }), job('f', 'waiting', { batch }), job('g', 'done', { batch: other }),
    ]
    expect(adopted(jobs).map(({ id, status }) => `${id} ${status}`)).toEqual(['c paused', 'd paused', 'e done', 'f paused'])
    expect(adopted([job('a', 'done'), job('b', 'cancelled')])).toEqual([])
  })

  it('wants what was done of all that may go on or be tried again', () => {
    expect(wantedIds(STATUSES.map((status) => job(status, status)))).toEqual(['waiting', 'running', 'paused', 'failed'])
  })

  it('is read back as it was kept; what cannot be read is left out', () => {
    const jobs = [job('a', 'paused', { batch: { id: 'one', label: 'red', row: 'red', column: 'Seed 7' } }), job('b', 'done', { resultId: null })]
    expect(readJobs(JSON.parse(JSON.stringify(jobs)))).toEqual(jobs)
    expect(readJobs([{ ...job('a'), status: 'thinking' }, { ...job('b'), request: { prompt: 'a boat' } }, null, 7, job('c')])).toEqual([job('c')])
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(readJobs(value)).toEqual([])
      }),
    )
  })
})

describe('words', () => {
  const idle = { progress: { status: 'idle' }, ending: null, editing: null } as const

  it('say where a job stands', () => {
    expect(STATUSES.map((status) => jobText(job('a', status), idle))).toEqual(['Waiting', 'Starting…', 'Paused', 'It failed.', 'Done', 'Cancelled'])
    expect(jobText(job('a', 'running'), { ...idle, progress: { status: 'running', stage: 'denoising', step: 2, steps: 8 } })).toBe('Denoising: step 2 of 8')
    expect(jobText(job('a', 'running'), { ...idle, progress: { status: 'queued' }, ending: 'paused' })).toBe('Pausing…')
    expect(jobText(job('a', 'failed', { error: { code: 'device-lost', message: '', details: {} } }), idle)).toBe('The GPU was lost while the clip was being made.')
    expect(jobText(job('a'), { ...idle, editing: 'a' })).toBe('In the form')
  })

  it('count what is in the queue and what was left', () => {
    expect(queueText([job('a', 'done'), job('b', 'running'), job('c'), job('d')])).toBe('1 running, 2 waiting, 1 done')
    expect(offerText(3)).toBe('3 clips were waiting when this page was closed.')
    expect(offerText(1)).toBe('A clip was not finished when this page was closed.')
    expect([null, 1.2, 1.6, 17.8].map(draftShareText)).toEqual(['', '', 'A draft took 1/2 of a clip’s time.', 'A draft took 1/18 of a clip’s time.'])
  })
})

function byId(one: QueueJob, other: QueueJob): number {
  return one.id < other.id ? -1 : 1
}
