// `--model download:<video>?encoder=<encoder>`: a model that the page downloads first, as Models would, and keeps in the profile.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import type { Page } from 'playwright'
import type { Plugin } from 'vite'
import type { DownloadState } from '../src/shared/worker-apis'
import { downloadedEntries, type DownloadedEntries } from '../src/shared/model-address'
import { AppError } from '../src/shared/errors'
import { parseMirror } from '../src/shared/mirror'
import type { CatalogueEntry } from '../src/shared/model-catalogue'
import { siteHeaders } from '../src/shared/site-headers'
import { UsageError } from './generate-flags'

/** Where the mirror is on the page's own origin: the page's policy lets it read from no other server than the hub. */
const MIRROR_PATH = '/mirror/'
/** In a profile: the port of its pages, since a browser keeps each origin's files apart. */
const PORT_FILE = 'kinora-port'

/** The catalogue entries that `--model` names; undefined when it is no downloaded model. @throws UsageError when there are no such entries */
export function entriesOf(model: string | undefined): DownloadedEntries | undefined {
  return model === undefined ? undefined : asUsage('--model', () => downloadedEntries(model))
}

/** Serves a mirror under the page's origin. @throws UsageError when it is no address */
export function mirrorPlugins(mirror: string | undefined): Plugin[] {
  const base = mirror === undefined ? null : asUsage('--mirror', () => parseMirror(mirror))
  if (base === null) return []
  return [
    {
      name: 'kinora:mirror',
      configurePreviewServer: ({ middlewares }) => {
        middlewares.use(MIRROR_PATH, (request, response, next) => {
          const { range } = request.headers
          const gone = new AbortController()
          response.once('close', () => gone.abort())
          fetch(new URL((request.url ?? '/').slice(1), base), { headers: range === undefined ? {} : { range }, signal: gone.signal }).then((answer) => {
            // what fetch has unpacked has another length than was said
            const passed = ['content-type', 'content-range', 'etag', 'retry-after', ...(answer.headers.has('content-encoding') ? [] : ['content-length'])]
            const headers = passed.flatMap((name) => (answer.headers.has(name) ? [[name, answer.headers.get(name) ?? '']] : []))
            response.writeHead(answer.status, { ...siteHeaders(), 'cache-control': 'no-store', ...(Object.fromEntries(headers) as Record<string, string>) })
            if (answer.body)
              Readable.fromWeb(answer.body as NodeReadableStream)
                .on('error', () => response.destroy())
                .pipe(response)
            else response.end()
          }, next)
        })
      },
    },
  ]
}

/**
 * Downloads what is missing of a model.
 * @param mirrored whether the files come from the mirror
 * @param accepted whether the person accepted the licenses
 * @throws UsageError naming licenses that are yet to be accepted; Error with the page's sentence when a download stops
 */
export async function downloadModel(page: Page, origin: string, entries: DownloadedEntries, mirrored: boolean, accepted: boolean): Promise<void> {
  const states = await page.evaluate(() => window.kinora!.downloads())
  const missing = Object.values(entries).filter(
    ({ id }: CatalogueEntry) => states.find(({ source }) => source === id)?.status !== 'complete',
  ) as CatalogueEntry[]
  if (missing.length === 0) return
  for (const { name, license } of missing) console.error(`${name}: ${license.name}, ${license.url}`)
  if (!accepted) throw new UsageError('the licenses above come with the files: read them, and say --accept-license to download.')

  let said = ''
  let name = ''
  await page.exposeFunction('reportDownload', (state: DownloadState) => {
    const words = describe(name, state)
    if (words !== said) console.error(words)
    said = words
  })
  for (const source of missing) {
    name = source.name
    const { status, error } = await page.evaluate(
      ([id, baseUrl]) => {
        const { reportDownload } = window as unknown as { reportDownload: (state: DownloadState) => Promise<void> }
        return window.kinora!.download(id, baseUrl, (state) => void reportDownload(state))
      },
      [source.id, mirrored ? origin + MIRROR_PATH : null] as const,
    )
    if (status !== 'complete') throw new Error(error?.message ?? `${source.name} was not downloaded to its end.`)
  }
}

/** Every tenth of it, and whatever the person should know. */
function describe(name: string, { status, parts, note }: DownloadState): string {
  const done = parts.reduce((sum, { bytesDone }) => sum + bytesDone, 0)
  const total = parts.reduce((sum, { bytesTotal }) => sum + bytesTotal, 0)
  const percent = status === 'downloading' && total > 0 ? ` ${10 * Math.floor((10 * done) / total)} %` : ''
  return `${name}: ${status}${percent}${note === null ? '' : `: ${note}`}`
}

/** The port at which a profile's pages were, or the first to try. */
export function portOfProfile(profile: string | undefined, first: number): number {
  const file = profile === undefined ? undefined : join(profile, PORT_FILE)
  return file && existsSync(file) ? Number(readFileSync(file, 'utf8')) : first
}

/** Notes the port in a profile. @throws Error when the profile's pages were at another one */
export function keepPort(profile: string | undefined, url: string): void {
  if (profile === undefined) return
  const { port } = new URL(url)
  const kept = portOfProfile(profile, Number(port))
  if (kept !== Number(port))
    throw new Error(`Port ${kept} is taken: what ${profile} holds is of pages at that port; end what listens there, or name another --profile.`)
  mkdirSync(profile, { recursive: true })
  writeFileSync(join(profile, PORT_FILE), port)
}

function asUsage<T>(flag: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    throw error instanceof AppError ? new UsageError(`${flag}: ${error.message}`) : error
  }
}
