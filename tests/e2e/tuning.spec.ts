// Kernels are tried on the adapter once for a clip of a new size, when that is asked for; what was found is kept over visits.
import type { Page } from '@playwright/test'
import type { JobProgress } from '../../src/shared/job'
import type { GenerateRequest } from '../../src/shared/request'
import type { Finished } from './app'
import { anyEmbeds, expect, test, tinyClip } from './warm'

/** Makes a clip; its report, and the stages that were reported, with the time of the first event of each. */
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

test('kernels are tried once, and the clip is the same but for rounding', async ({ page, app }) => {
  // a worker that has compiled nothing yet
  await page.reload()
  const request = tinyClip(app)
  const usual = await make(page, request)
  expect(usual.stages, 'on a software adapter nothing is tried unasked').not.toContain('tuning')
  expect(usual.report.compileMs).toBeGreaterThan(0)
  expect(usual.report.compileMs).toBeLessThan(usual.report.totalMs)
  const last = usual.compiled.at(-1)
  expect(last?.step, 'all kernels are there before the first step').toBe(last?.steps)
  expect(last?.steps).toBeGreaterThan(5)

  const tried = await make(page, request, true)
  expect(tried.stages).toContain('tuning')
  expect(tried.stages.indexOf('tuning')).toBeLessThan(tried.stages.indexOf('denoising'))
  const names = (kernels: Record<string, string>) => new Set(Object.keys(kernels).map((name) => name.split('_')[0]))
  expect(names(tried.report.kernels), 'what was only tried is not in the record').toEqual(names(usual.report.kernels))
  expect(
    (tried.atMs['denoising'] ?? 0) - (tried.atMs['tuning'] ?? 0),
    'milliseconds, compiling included: 1.5 seconds and what was under way then',
  ).toBeLessThan(6000)

  await page.reload()
  const again = await make(page, request, true)
  expect(again.stages, 'what was found on an earlier visit').not.toContain('tuning')
  expect(again.report.kernels).toEqual(tried.report.kernels)
  expect(again.report.framesSha256).toBe(tried.report.framesSha256)
  const fixed = await make(page, request, false)
  expect(fixed.report.kernels, 'the fixed table, whatever was found').toEqual(usual.report.kernels)
  expect(fixed.report.framesSha256).toBe(usual.report.framesSha256)
})
