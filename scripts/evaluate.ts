// npm run evaluate: how well the clips of our kernels show what was asked, as a probe trained on renders reads them.
// Files, formats and formulas: tests/evaluate/README.md. Exit status: 1 if a bar is missed, 2 if a flag or a file is wrong.
import { join, relative } from 'node:path'
import * as v from 'valibot'
import { AppError } from '../src/shared/errors'
import { requestProblems } from '../src/shared/request-problems'
import { parseManifest, type ModelManifest } from '../src/shared/model'
import { openEngine, type Engine } from '../tests/evaluate/engine'
import { evaluate, type Evaluation } from '../tests/evaluate/evaluation'
import { parseEvaluateFlags, type EvaluateFlags } from '../tests/evaluate/flags'
import { openProbe } from '../tests/evaluate/probe'
import { classesOf, readProbeFacts, type ProbeFacts } from '../tests/evaluate/probe-facts'
import { parsePrompts } from '../tests/evaluate/prompts'
import { readInput, readJsonInput } from '../tests/evaluate/read-input'
import { readReference } from '../tests/evaluate/reference'
import { describeReport } from '../tests/evaluate/report'
import { describeCache, evaluateCache, CACHE_STEPS } from '../tests/evaluate/first-block-cache'
import { saveCache, saveModes, type Conditions } from '../tests/evaluate/results'
import { UsageError } from './generate-flags'
import { root } from './process.mjs'

/** How many prompts a software adapter is given: it manages 1–4 GFLOP/s. */
const SOFTWARE_PROMPTS = 24
/** How many the ways into a clip are measured with: six clips each. */
const MODE_PROMPTS = { software: 4, gpu: 24 }

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  console.error(`evaluate: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`)
  process.exitCode = error instanceof UsageError ? 2 : 1
  if (!(error instanceof UsageError || error instanceof AppError)) console.error(error)
}

async function main(argv: readonly string[]): Promise<number> {
  const flags = parseEvaluateFlags(argv)
  // whatever can be refused is refused before a device is opened
  const folder = flags.probe ?? (relative(process.cwd(), join(root, 'tests/evaluate')) || '.')
  const facts = readProbeFacts(join(folder, 'probe.json'))
  const probe = await openProbe(join(folder, 'probe.onnx'), facts)
  const file = flags.prompts ?? join(folder, 'prompts.jsonl')
  const text = readInput(file, flags.prompts === undefined ? 'training/evaluate.py makes it' : 'expected a file of one JSON object a line')
  const prompts = parsePrompts(text.toString('utf8'), file, classesOf(facts), flags['seed-base'])
  const reference = readReference(join(folder, 'reference.json'))
  const model = flags.model ?? join(root, 'public/models/starter')
  const settings = settingsOf(flags, readModel(model, facts))

  const engine = await openEngine(model, flags.precision)
  try {
    const tell = (line: string) => console.error(line)
    if (flags['first-block-cache'] !== undefined) {
      const rows = await evaluateCache({
        engine,
        probe,
        facts,
        prompts: prompts.slice(0, flags['first-block-cache']),
        settings,
        steps: flags.steps === undefined ? CACHE_STEPS : [flags.steps],
        tell,
      })
      if (flags.json) console.log(JSON.stringify(rows))
      else for (const line of describeCache(rows)) console.log(line)
      if (flags.save) tell(`saved as ${saveCache({ ...conditionsOf(engine, settings), prompts: Math.min(flags['first-block-cache'], prompts.length), rows })}`)
      return 0
    }
    const limit = Math.min(prompts.length, flags.limit ?? (engine.software ? SOFTWARE_PROMPTS : prompts.length))
    const report = await evaluate({
      engine,
      probe,
      facts,
      folder,
      reference,
      prompts,
      limit,
      modes: flags.modes ?? MODE_PROMPTS[engine.software ? 'software' : 'gpu'],
      settings,
      curve: flags.curve,
      out: flags.out ?? 'test-results/evaluate',
      tell,
    })
    if (flags.json) console.log(JSON.stringify(report))
    else for (const line of describeReport(report)) console.log(line)
    if (flags.save && report.modes.length > 0) tell(`saved as ${saveModes({ ...conditionsOf(engine, settings), steps: settings.steps, modes: report.modes })}`)
    return report.pass ? 0 : 1
  } finally {
    await engine.close()
    await probe.close()
  }
}

/** The flags, with the model's defaults where nothing was said. @throws UsageError when the model does not allow it */
function settingsOf(flags: EvaluateFlags, manifest: ModelManifest): Evaluation['settings'] {
  const size = manifest.sizes[0]
  const settings = {
    model: manifest.id,
    width: size?.width ?? 0,
    height: size?.height ?? 0,
    frames: manifest.frames.default,
    fps: manifest.fps.default,
    steps: flags.steps ?? manifest.steps.default,
    guidance: flags.guidance ?? manifest.guidance.default,
  }
  const problem = requestProblems({ ...settings, prompt: '', seed: 0 }, manifest)[0]
  if (problem) throw new UsageError(`--${problem.field}: expected ${problem.expected}, got ${problem.got}`)
  return settings
}

function conditionsOf({ adapter, precision, manifest }: Engine, { width, height, frames, guidance }: Evaluation['settings']): Conditions {
  return { date: new Date().toISOString(), adapter, precision, model: `${manifest.name} ${manifest.version}`, width, height, frames, guidance }
}

/** A model folder's manifest; a model that names its world is judged by that world's probe. @throws UsageError, AppError weights-corrupt */
function readModel(folder: string, facts: ProbeFacts): ModelManifest {
  const file = join(folder, 'kinora.json')
  const data = readJsonInput(file, v.looseObject({ world: v.optional(v.string()) }), 'expected a model folder')
  if (data.world !== undefined && data.world !== facts.world) {
    throw new UsageError(`The model knows the ${data.world} world and the probe the ${facts.world} one: train the probe for it (training/probe.py).`)
  }
  return parseManifest(data, file)
}
