import { createReadStream, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resolve, sep } from 'node:path'

/**
 * Serves a model folder on this machine alone, for the pipeline reads its models by address.
 * @returns the folder's address, ending in /, and what ends it
 */
export async function serveFolder(folder: string): Promise<{ url: string; close: () => void }> {
  const top = resolve(folder)
  const server = createServer((request, response) => {
    const file = resolve(top, `.${decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname)}`)
    const stats = file.startsWith(top + sep) ? statSync(file, { throwIfNoEntry: false }) : undefined
    if (!stats?.isFile()) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'Content-Length': stats.size, 'Content-Type': 'application/octet-stream' })
    createReadStream(file).pipe(response)
  })
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(0, '127.0.0.1', done)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/`,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
