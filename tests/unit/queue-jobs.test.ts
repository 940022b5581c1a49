import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { GenerateRequest } from '../../src/shared/request'
import {
  adoptedJobs,
  duplicateJob,
  isOpen,
  jobsToKeep,
  moveJobBy,
  moveJobTo,
  readJobs,
  replaceJob,
  resumableIds,
  settledJobs,
  updateJob,
  type QueueJob,
} from '../../src/state/queue-jobs'
import { draftSpeedText, jobText, unfinishedText, queueText } from '../../src/views/create/job-text'

const request: GenerateRequest = { model: 'starter', prompt: 'a boat', width: 128, height: 128, frames: 17, fps: 8, steps: 10, guidance: 5, seed: 7 }
const STATUSES = ['waiting', 'running', 'paused', 'failed', 'done', 'cancelled'] as const

function job(id: string, status: QueueJob['status'] = 'waiting', rest: Partial<QueueJob> = {}): QueueJob {
  return { id, request, modelId: 'starter', modelName: 'Starter', status, ...rest }
}

const ids = (jobs: readonly QueueJob[]) => jobs.map(({ id }) => id).join('')
const list = fc
  .uniqueArray(fc.constantFrom(...'abcdefgh'), { minLength: 1 })
  .chain((names) => fc.tuple(...names.map((id) => fc.constantFrom(...STATUSES).map((status) => job(id, status)))))
const letter = fc.constantFrom(...'abcdefghx')

describe('list operations', () => {
  it('move a job up, down and to the position of another job', () => {
    const jobs = [...'abcd'].map((id) => job(id))
    expect(ids(moveJobBy(jobs, 'c', -1))).toBe('acbd')
    expect(ids(moveJobBy(jobs, 'b', 1))).toBe('acbd')
    expect(ids(moveJobBy(jobs, 'a', -1))).toBe('abcd')
    expect(ids(moveJobBy(jobs, 'd', 1))).toBe('abcd')
    expect(ids(moveJobBy(jobs, 'x', 1))).toBe('abcd')
    expect(ids(moveJobTo(jobs, 'a', 'd'))).toBe('bcda')
    expect(ids(moveJobTo(jobs, 'd', 'b'))).toBe('adbc')
  })

  it('neither lose nor duplicate a job when it is moved', () => {
    fc.assert(
      fc.property(list, letter, letter, fc.constantFrom(-1, 1), (jobs, one, other, by) => {
        for (const moved of [moveJobTo(jobs, one, other), moveJobBy(jobs, one, by)]) expect([...moved].sort(byId)).toEqual([...jobs].sort(byId))
        const at = jobs.findIndex(({ id }) => id === other)
        if (at >= 0 && jobs.some(({ id }) => id === one)) expect(moveJobTo(jobs, one, other)[at]?.id).toBe(one)
      }),
    )
  })

  it('replace a job, or append if it no longer exists', () => {
    const jobs = [job('a'), job('b'), job('c')]
    expect(ids(replaceJob(jobs, 'b', [job('x'), job('y')]))).toBe('axyc')
    expect(ids(replaceJob(jobs, 'z', [job('x')]))).toBe('abcx')
  })

  it('insert a waiting copy after a job, outside its batch', () => {
    const copied = duplicateJob([job('a', 'done', { resultId: 'clip', batch: { id: 'batch', label: 'Seed 7' } }), job('b')], 'a', 'x')
    expect(ids(copied)).toBe('axb')
    expect(copied[1]).toEqual(job('x'))
    expect(duplicateJob(copied, 'gone', 'y')).toBe(copied)
  })

  it('update one job', () => {
    expect(updateJob([job('a'), job('b')], 'b', { status: 'paused' })).toEqual([job('a'), job('b', 'paused')])
  })

  it('keep all jobs while one is unfinished, otherwise only failed ones', () => {
    fc.assert(
      fc.property(list, (jobs) => {
        if (jobs.some(isOpen)) expect(jobsToKeep(jobs)).toBe(jobs)
        else expect(jobsToKeep(jobs)).toEqual(jobs.length > 1 ? jobs.filter(({ status }) => status === 'failed') : [])
      }),
    )
  })
})

describe('jobs of a closed page', () => {
  it('are adopted as paused, with all jobs of an unfinished batch', () => {
    const batch = { id: 'one', label: 'Seed 7' }
    const other = { id: 'other', label: 'Seed 7' }
    const jobs = [
      job('a', 'done'),
      job('b', 'cancelled'),
      job('c', 'running'),
      job('d', 'failed', { error: { code: 'internal', message: '', details: {} } }),
      job('e', 'done', { batch }),
      job('f', 'waiting', { batch }),
      job('g', 'done', { batch: other }),
    ]
    expect(adoptedJobs(jobs).map(({ id, status }) => `${id} ${status}`)).toEqual(['c paused', 'd paused', 'e done', 'f paused'])
    expect(adoptedJobs([job('a', 'done'), job('b', 'cancelled')])).toEqual([])
  })

  it('keep the checkpoints of jobs that can be resumed or retried', () => {
    expect(resumableIds(STATUSES.map((status) => job(status, status)))).toEqual(['waiting', 'running', 'paused', 'failed'])
  })

  it('are done when their clips are in the library, whatever was stored of them', () => {
    const jobs = [job('a', 'running'), job('b', 'waiting'), job('c', 'failed'), job('d', 'done', { resultId: 'clip d' })]
    const settled = settledJobs(
      jobs,
      new Map([
        ['a', 'clip a'],
        ['c', 'clip c'],
      ]),
    )
    expect(settled.map(({ status, resultId }) => [status, resultId])).toEqual([
      ['done', 'clip a'],
      ['waiting', undefined],
      ['done', 'clip c'],
      ['done', 'clip d'],
    ])
    expect(adoptedJobs(settled).map(({ id, status }) => `${id} ${status}`)).toEqual(['b paused'])
  })

  it('are read back unchanged, and what is no job apart', () => {
    const jobs = [job('a', 'paused', { batch: { id: 'one', label: 'red', row: 'red', column: 'Seed 7' } }), job('b', 'done', { resultId: null })]
    expect(readJobs(JSON.parse(JSON.stringify(jobs)))).toEqual({ jobs, unread: [] })
    const others = [{ ...job('a'), status: 'thinking' }, { ...job('b'), request: { prompt: 'a boat' } }, null, 7]
    expect(readJobs([...others, job('c')]), 'what is no job is kept apart').toEqual({ jobs: [job('c')], unread: others })
    expect(readJobs(undefined)).toEqual({ jobs: [], unread: [] })
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(readJobs(value)).toEqual({ jobs: [], unread: Array.isArray(value) ? value : [value] })
      }),
    )
  })
})

describe('text', () => {
  const idle = { progress: { status: 'idle' }, ending: null, editing: null } as const

  it('describes the status of a job', () => {
    expect(STATUSES.map((status) => jobText(job('a', status), idle))).toEqual(['Waiting', 'Starting…', 'Paused', 'Failed', 'Done', 'Canceled'])
    expect(jobText(job('a', 'running'), { ...idle, progress: { status: 'running', stage: 'denoising', step: 2, steps: 8 } })).toBe('Denoising: step 2 of 8')
    expect(jobText(job('a', 'running'), { ...idle, progress: { status: 'queued' }, ending: 'paused' })).toBe('Pausing…')
    expect(jobText(job('a', 'failed', { error: { code: 'device-lost', message: '', details: {} } }), idle)).toBe(
      'The GPU stopped responding during generation.',
    )
    expect(jobText(job('a'), { ...idle, editing: 'a' })).toBe('Editing')
  })

  it('counts the jobs of the queue and of a closed page', () => {
    expect(queueText([job('a', 'done'), job('b', 'running'), job('c'), job('d')])).toBe('1 running, 2 waiting, 1 done')
    expect(unfinishedText(3)).toBe('3 unfinished clips from your last session')
    expect(unfinishedText(1)).toBe('1 unfinished clip from your last session')
    expect([null, 1.2, 1.6, 17.8].map(draftSpeedText)).toEqual([
      '',
      '',
      'Drafts are about 2× faster than full clips.',
      'Drafts are about 18× faster than full clips.',
    ])
  })
})

function byId(one: QueueJob, other: QueueJob): number {
  return one.id < other.id ? -1 : 1
}
