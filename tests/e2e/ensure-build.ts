import { build, isBuilt } from '../../scripts/build.mjs'
import { buildScripted } from '../page/build'
import { buildHarness } from '../workers/harness/build'

/** The tests drive the production build as it would be served, that build with the scripted generator, and single workers in a page of their own. */
export default async function ensureBuild(): Promise<void> {
  if (!isBuilt()) await build()
  await buildScripted()
  await buildHarness()
}
