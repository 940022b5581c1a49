// node scripts/run.mjs scripts/kill-test.ts [--kills 50] [--seed 1]: kills the built page with the real generator at random moments of a
// queue of three short clips, and checks what is left: every clip once, with the right frames, and no file without a record.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parseManifest } from '../src/shared/model'
import { smallClip } from '../tests/e2e/app'
import { killAtRandom } from '../tests/e2e/random-kills'
import { build, dist, isBuilt } from './build.mjs'
import { serveBuild } from './serve.mjs'

const { values } = parseArgs({ options: { kills: { type: 'string', default: '50' }, seed: { type: 'string', default: '1' } } })
const kills = Number(values.kills)
const seed = Number(values.seed)
if (!Number.isInteger(kills) || kills < 1 || !Number.isInteger(seed)) throw new Error('--kills and --seed: expected whole numbers.')
if (!isBuilt()) await build()
const starter = parseManifest(JSON.parse(readFileSync(join(dist, 'models/starter/kinora.json'), 'utf8')), 'kinora.json')
const server = await serveBuild(4600)
try {
  const result = await killAtRandom({
    url: server.url,
    kills,
    seed,
    request: smallClip(starter, { width: 64, height: 64, steps: 4 }),
    longestMs: 15_000,
    patienceMs: 900_000,
    report: (line) => console.error(line),
  })
  console.log(JSON.stringify(result, null, 2))
  process.exitCode = result.problems.length > 0 ? 1 : 0
} finally {
  await server.close()
}
