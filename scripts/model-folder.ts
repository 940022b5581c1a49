// A model from anywhere, served under the page's own origin, since the page may speak to no other.
import { createReadStream, existsSync, statSync } from 'node:fs'
import { join, resolve, sep } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream as NodeReadableStream } from 'node:stream/web'
import type { ServerResponse } from 'node:http'
import type { Plugin } from 'vite'
import { siteHeaders } from '../src/shared/site-headers'
import { dist } from './build.mjs'
import { UsageError } from './generate-flags'

/** Where the model is, seen from the page, and what serves it there when the build does not. */
export interface ServedModel {
  /** path on the page's origin, beginning and ending in / */
  path: string
  plugins: Plugin[]
}

/**
 * @param model a folder, an http(s) address of one, or the name of a model of the build; the starter when left out
 * @throws UsageError when there is no such model
 */
export function serveModel(model = 'starter'): ServedModel {
  if (/^https?:\/\//.test(model)) return { path: '/model/', plugins: [route(fromAddress(model.endsWith('/') ? model : `${model}/`))] }
  if (existsSync(join(model, 'kinora.json'))) return { path: '/model/', plugins: [route(fromFolder(resolve(model)))] }
  if (/^[\w.-]+$/.test(model) && existsSync(join(dist, 'models', model, 'kinora.json'))) return { path: `/models/${model}/`, plugins: [] }
  throw new UsageError(`--model: expected a folder with a kinora.json, its address, or the name of a model of the page, got ${JSON.stringify(model)}`)
}

/** Answers one file, named relative to the model's folder. */
type Answer = (name: string, response: ServerResponse) => Promise<void> | void

function route(answer: Answer): Plugin {
  return {
    name: 'kinora:model',
    configurePreviewServer(server) {
      server.middlewares.use('/model', (request, response, next) => {
        const name = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname).slice(1)
        for (const [header, value] of Object.entries(siteHeaders())) response.setHeader(header, value)
        response.setHeader('Cache-Control', 'no-cache')
        Promise.resolve(answer(name, response)).catch(next)
      })
    },
  }
}

function fromFolder(folder: string): Answer {
  return (name, response) => {
    const file = resolve(folder, name)
    const stats = file.startsWith(folder + sep) ? statSync(file, { throwIfNoEntry: false }) : undefined
    if (!stats?.isFile()) {
      response.writeHead(404).end()
      return
    }
    response.writeHead(200, { 'Content-Length': stats.size, 'Content-Type': file.endsWith('.json') ? 'application/json' : 'application/octet-stream' })
    createReadStream(file).pipe(response)
  }
}

function fromAddress(folder: string): Answer {
  return async (name, response) => {
    const answer = await fetch(new URL(name, folder))
    if (!answer.ok || !answer.body) {
      response.writeHead(answer.ok ? 502 : answer.status).end()
      return
    }
    response.writeHead(200, { 'Content-Type': answer.headers.get('content-type') ?? 'application/octet-stream' })
    Readable.fromWeb(answer.body as NodeReadableStream).pipe(response)
  }
}
