// Kernels are tuned on the adapter once for a clip of a new size, on request; the selection is cached over visits.
import type { Page } from '@playwright/test'
import type { JobProgress } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import type { Finished } from './app'
import { anyEmbeds, expect, test, tinyClip } from './warm'

/** Generates a clip. @returns its report, and the reported stages, with the time of the first event of each */
async function make(
  page: Page,
  request: GenerateRequest,
  autotune?: boolean,
): Promise<{ report: Finished['report']; stages: string[]; atMs: Record<string, number>; compiled: JobProgress[] }> {
  const { result, events } = await page.evaluate(
    async ([what, how]) => {
      const events: (JobProgress & { atMs: number })[] = []
      const result = await window.kinora!.generate(what, how, (event) => void events.push({ ...event, atMs: performance.now() }))
      return { result, events }
    },
    [request, { embeds: anyEmbeds(), ...(autotune === undefined ? {} : { autotune }) }] as const,
  )
  if (!result.ok) throw new Error(`${result.error.code}: ${result.error.message}`)
  const atMs: Record<string, number> = {}
  for (const event of events) atMs[event.stage] ??= event.atMs
  return { report: result.report, stages: Object.keys(atMs), atMs, compiled: events.filter(({ stage }) => stage === 'compiling') }
}

test('tunes kernels once on request, and reuses the selection in later visits', async ({ page, app }) => {
  // a worker that has compiled nothing yet
  await page.reload()
  const request = tinyClip(app)
  const usual = await make(page, request)
  expect(usual.stages, 'no tuning by default on a software adapter').not.toContain('tuning')
  expect(usual.report.compileMs).toBeGreaterThan(0)
  expect(usual.report.compileMs).toBeLessThan(usual.report.totalMs)
  const last = usual.compiled.at(-1)
  expect(last?.step, 'all kernels are compiled before the first step').toBe(last?.steps)
  expect(last?.steps).toBeGreaterThan(5)

  const tuned = await make(page, request, true)
  expect(tuned.stages).toContain('tuning')
  expect(tuned.stages.indexOf('tuning')).toBeLessThan(tuned.stages.indexOf('denoising'))
  const names = (kernels: Record<string, string>) => new Set(Object.keys(kernels).map((name) => name.split('_')[0]))
  expect(names(tuned.report.kernels), 'tuning itself is not in the record').toEqual(names(usual.report.kernels))
  expect(
    (tuned.atMs['denoising'] ?? 0) - (tuned.atMs['tuning'] ?? 0),
    'milliseconds, compilation included: 1.5 seconds and the candidate that runs then',
  ).toBeLessThan(6000)

  await page.reload()
  const again = await make(page, request, true)
  expect(again.stages, 'the selection is cached').not.toContain('tuning')
  expect(again.report.kernels).toEqual(tuned.report.kernels)
  expect(again.report.framesSha256).toBe(tuned.report.framesSha256)
  const fixed = await make(page, request, false)
  expect(fixed.report.kernels, 'the fixed table').toEqual(usual.report.kernels)
  expect(fixed.report.framesSha256).toBe(usual.report.framesSha256)
})
