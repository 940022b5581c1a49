// The queue is as durable as the clips: ten kills at random moments. Fifty, with the real generator: scripts/kill-test.ts
import { expect, smallClip, test } from '../e2e/app'
import { killAtRandom } from '../e2e/random-kills'
import { follow } from './scripted'

const KILLS = 10

test('ten kills of browser, tab and worker lose no clip, make none twice and leave nothing over', async ({ app }) => {
  test.setTimeout(300_000)
  const { added, kills, problems } = await killAtRandom({
    url: app.url,
    kills: KILLS,
    seed: 16,
    request: smallClip(app.starter, { width: 64, height: 64, steps: 4 }),
    longestMs: 2500,
    patienceMs: 60_000,
    prepare: (page) => follow(page, { stepMs: 150 }),
  })
  expect(problems).toEqual([])
  expect(added).toBeGreaterThan(3)
  expect(Math.min(...Object.values(kills)), 'of each kind').toBeGreaterThan(0)
})
