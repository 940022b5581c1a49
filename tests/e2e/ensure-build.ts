import { build, isBuilt } from '../../scripts/build.mjs'

/** The tests drive the production build as it would be served. */
export default async function ensureBuild(): Promise<void> {
  if (!isBuilt()) await build()
}
