// npm start: builds if needed, serves the production build, prints its address. Ctrl-C ends it.
import { build, isBuilt } from './build.mjs'
import { serveBuild } from './serve.mjs'

try {
  if (!isBuilt()) {
    console.error('Building…')
    await build()
  }
  const { url, close } = await serveBuild(4173)
  console.log(`Kinora is at ${url}`)
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => {
      // open connections of a browser would keep the server waiting
      setTimeout(() => process.exit(0), 500).unref()
      void close().then(() => process.exit(0))
    })
  }
} catch (error) {
  console.error(error.message)
  process.exitCode = 1
}
