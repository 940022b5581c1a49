// Caches the page, and what it needs to generate offline.
// There are three caches: the shell (Workbox's precache: page, icons), the engine (workers and wasm, under hashed names),
// and models (weights, under their SHA-256 in kinora.json, verified before they are cached).
// A new version waits for the message `skip-waiting`, so that a running generation is never interrupted.
/// <reference lib="webworker" />
import { addPlugins, cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from 'workbox-precaching'
import { NavigationRoute, registerRoute } from 'workbox-routing'
import { parseMirror } from './shared/mirror'
import { parseManifest } from './shared/model'
import type { ModelManifest } from './shared/model'
import type { FromServiceWorker, ToServiceWorker } from './shared/service-worker-messages'
import { contentSecurityPolicy, siteHeaders } from './shared/site-headers'

declare const self: ServiceWorkerGlobalScope

const ENGINE = 'kinora-engine'
const MODELS = 'kinora-models'
const SETTINGS = 'kinora-settings'
/** The model that ships with the page. */
const STARTER = new URL('models/starter/', self.registration.scope).href

/** Every built file with its revision, inserted by the build. */
const built = self.__WB_MANIFEST.map((entry) => (typeof entry === 'string' ? { url: entry, revision: null } : entry))
const isEngine = (url: string) => url.startsWith('assets/engine/')
const engineUrls = new Set(built.filter(({ url }) => isEngine(url)).map(({ url }) => new URL(url, self.registration.scope).href))

addPlugins([{ handlerWillRespond: ({ response }) => withSiteHeaders(response) }])
precacheAndRoute(
  built.filter(({ url }) => !isEngine(url)),
  { cleanURLs: false },
)
cleanupOutdatedCaches()
registerRoute(new NavigationRoute(createHandlerBoundToURL('index.html'), { denylist: [/\.\w+$/] }))
registerRoute(
  ({ url }) => engineUrls.has(url.href),
  ({ request }) => engineFile(request.url),
)
registerRoute(
  ({ url }) => url.href.startsWith(new URL('models/', self.registration.scope).href),
  ({ request }) => modelFile(request),
)

let firstInstall = false

self.addEventListener('install', () => {
  firstInstall = self.registration.active === null
})

self.addEventListener('activate', (event) => {
  event.waitUntil(
    (async () => {
      await removeOldEngines()
      // the first version serves the page that is open, so that one visit is enough to work offline; later ones never take over
      if (firstInstall) await self.clients.claim()
      // in a message, since an activation that waits for megabytes would delay the page's requests
      self.registration.active?.postMessage({ type: 'prepare-offline' } satisfies ToServiceWorker)
    })(),
  )
})

self.addEventListener('message', (event) => {
  const message = event.data as ToServiceWorker
  if (message.type === 'skip-waiting') event.waitUntil(self.skipWaiting())
  if (message.type === 'prepare-offline') event.waitUntil(prepareOffline())
  if (message.type === 'set-mirror') event.waitUntil(setMirror(message.url, event.ports[0]))
})

/** The cache key of the mirror's address: a service worker ends when it is idle, and has no localStorage. */
const MIRROR = new URL('mirror', self.registration.scope).href
let mirror = readMirror()

async function readMirror(): Promise<string | null> {
  try {
    return parseMirror((await (await (await caches.open(SETTINGS)).match(MIRROR))?.text()) ?? '')
  } catch {
    return null // the safer policy is the one without a mirror
  }
}

/** Saves the mirror and puts it into the policy; an invalid address is no mirror. Answers only if it could be saved. */
async function setMirror(url: string | null, port: MessagePort | undefined): Promise<void> {
  const address = validMirror(url)
  try {
    await (await caches.open(SETTINGS)).put(MIRROR, new Response(address ?? ''))
  } catch {
    return // storage is full: the policy stays as it is
  }
  mirror = Promise.resolve(address)
  port?.postMessage({ type: 'mirror-set' } satisfies FromServiceWorker)
}

/** Validated here too, since the address becomes part of the policy. */
function validMirror(url: string | null): string | null {
  try {
    return parseMirror(url ?? '')
  } catch {
    return null
  }
}

/** Caches whatever is missing for generating offline, and reports when everything is cached. */
async function prepareOffline(): Promise<void> {
  try {
    for (const url of engineUrls) await (await engineFile(url)).body?.cancel()
    const manifest = await readManifest(STARTER)
    for (const file of manifest?.files ?? []) await (await modelFile(new Request(new URL(file.path, STARTER)))).body?.cancel()
    if (!manifest || !(await hasEngine()) || !(await hasModel(manifest))) return
  } catch {
    return // offline or out of storage: the next visit resumes
  }
  for (const client of await self.clients.matchAll({ includeUncontrolled: true })) client.postMessage({ type: 'offline-ready' } satisfies FromServiceWorker)
}

/** A worker's script or the wasm: its name changes with its content, so that a cached file is never stale. */
async function engineFile(url: string): Promise<Response> {
  const cache = await caches.open(ENGINE)
  const cached = await cache.match(url)
  if (cached) return withSiteHeaders(cached)
  const response = await fetch(url)
  if (response.ok) await tryPut(cache, url, response.clone())
  return withSiteHeaders(response)
}

async function removeOldEngines(): Promise<void> {
  const cache = await caches.open(ENGINE)
  for (const { url } of await cache.keys()) if (!engineUrls.has(url)) await cache.delete(url)
}

/** A file of a model folder. `kinora.json` comes from the network if possible; a weight file is cached once its hash is verified. */
async function modelFile(request: Request): Promise<Response> {
  const url = request.url
  const folder = /^.*\/models\/[^/]+\//.exec(url)?.[0]
  if (!folder) return fetch(request)
  const cache = await caches.open(MODELS)
  if (url === `${folder}kinora.json`) {
    const response = await fetch(url, { cache: 'no-cache' }).catch(() => undefined)
    if (response?.ok) await tryPut(cache, url, response.clone())
    return withSiteHeaders(response ?? (await cache.match(url)) ?? Response.error())
  }

  const file = (await readManifest(folder))?.files.find(({ path }) => new URL(path, folder).href === url)
  if (!file) return fetch(request)
  const key = `${url}?sha256=${file.sha256}`
  // `reload`: the reader found the cached file damaged
  const cached = request.cache === 'reload' ? undefined : await cache.match(key)
  if (cached) return withSiteHeaders(cached)
  const response = await fetch(url, { cache: request.cache })
  if (!response.ok) return response
  const bytes = await response.clone().arrayBuffer()
  if (bytes.byteLength === file.bytes && (await sha256(bytes)) === file.sha256.toLowerCase()) {
    for (const old of await cache.keys(url, { ignoreSearch: true })) if (old.url !== key) await cache.delete(old)
    await tryPut(cache, key, new Response(bytes, { headers: response.headers }))
  }
  return withSiteHeaders(response)
}

/** A model's manifest, cached or else from the network; null if it is missing or invalid. */
async function readManifest(folder: string): Promise<ModelManifest | null> {
  const url = `${folder}kinora.json`
  const response = (await (await caches.open(MODELS)).match(url)) ?? (await modelFile(new Request(url)))
  try {
    return parseManifest(await response.json(), url)
  } catch {
    return null
  }
}

async function hasEngine(): Promise<boolean> {
  const cache = await caches.open(ENGINE)
  for (const url of engineUrls) if (!(await cache.match(url))) return false
  return true
}

async function hasModel(manifest: ModelManifest): Promise<boolean> {
  const cache = await caches.open(MODELS)
  for (const { path, sha256 } of manifest.files) {
    if (!(await cache.match(`${new URL(path, STARTER).href}?sha256=${sha256}`))) return false
  }
  return true
}

/** Caches a response; if storage is full, it is used without being cached. */
async function tryPut(cache: Cache, key: string, response: Response): Promise<void> {
  await cache.put(key, response).catch(() => undefined)
}

/** A response with this site's headers, for hosts that do not send them; its policy allows the mirror. */
async function withSiteHeaders(response: Response): Promise<Response> {
  if (response.type === 'error' || response.type === 'opaque') return response
  const policy = { mirror: await mirror }
  const headers = new Headers(response.headers)
  for (const [name, value] of Object.entries(siteHeaders(policy))) headers.set(name, value)
  const isPage = policy.mirror !== null && headers.get('content-type')?.startsWith('text/html')
  if (isPage) headers.delete('content-length')
  const body = isPage ? withPolicy(await response.text(), contentSecurityPolicy(policy)) : response.body
  return new Response(body, { status: response.status, statusText: response.statusText, headers })
}

/** The page with this policy instead of its own in the meta element (which is for hosts without headers): the stricter of two would apply. */
function withPolicy(html: string, policy: string): string {
  return html.replace(/(<meta http-equiv="Content-Security-Policy" content=")[^"]*/, (_, before: string) => before + policy)
}

async function sha256(bytes: ArrayBuffer): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return [...digest].map((byte) => byte.toString(16).padStart(2, '0')).join('')
}
