// Serves the production build with the headers of vite.config.ts, on the first free port.
import { createServer } from 'node:net'
import { join } from 'node:path'
import { preview } from 'vite'
import { dist } from './build.mjs'
import { root } from './process.mjs'

/**
 * @param {number} port first port to try
 * @param {import('vite').Plugin[]} [plugins] more routes, for commands and tests
 * @param {string} [folder] another folder than dist, for tests
 * @returns {Promise<{ url: string, close: () => Promise<void> }>} url without a slash at its end
 */
export async function serveBuild(port, plugins = [], folder = dist) {
  const free = await freePort(port)
  const server = await preview({
    root,
    configFile: join(root, 'vite.config.ts'),
    logLevel: 'warn',
    plugins,
    build: { outDir: folder },
    preview: { host: '127.0.0.1', port: free, strictPort: true },
  })
  return { url: `http://localhost:${free}`, close: () => server.close() }
}

/** The first port from `port` up that nobody listens on, on IPv4 or IPv6: `localhost` means either. */
async function freePort(port) {
  for (let candidate = port; candidate < port + 200; candidate++) {
    if ((await canListen(candidate, '127.0.0.1')) && (await canListen(candidate, '::1'))) return candidate
  }
  throw new Error(`No free port from ${port} to ${port + 199}`)
}

function canListen(port, host) {
  return new Promise((done) => {
    const probe = createServer()
    // a machine without IPv6 has nobody listening there
    probe.once('error', (error) => done(error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT'))
    probe.listen(port, host, () => probe.close(() => done(true)))
  })
}
