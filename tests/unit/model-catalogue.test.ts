// The model catalogue, the policy that follows from it, and that no other file names a host.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseMirror } from '../../src/shared/mirror'
import { contentSecurityPolicy, siteHeaders } from '../../src/shared/site-headers'
import { HUB, catalogueFileUrl, CATALOGUE, encodersOf, TEXT_ENCODER_KINDS, tokenizerOf } from '../../src/shared/model-catalogue'
import { AppError } from '../../src/shared/errors'

const FILE = 'src/shared/model-catalogue.ts'

/** Hosts in a file's code; comments may cite any. */
function hostsIn(text: string): string[] {
  const code = text
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|\s)\/\/.*$/gm, '')
  return code.match(/\b(?:https?|wss?):\/\/[\w*.-]+|\b[\w-]+\.(?:co|com|org|net|io|ai|dev)\b(?=["'`/:])/g) ?? []
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(ts|svelte|css|html|wgsl)$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name).replaceAll('\\', '/'))
}

describe('hosts in code', () => {
  test('are found in code, not in comments', () => {
    expect(hostsIn(`const url = 'https://cdn.example/x'`)).toEqual(['https://cdn.example'])
    expect(hostsIn('const url = `https://${host}`; fetch("models.example.com/x")')).toEqual(['example.com'])
    expect(hostsIn(`<a href="http://one.example">`)).toEqual(['http://one.example'])
    expect(hostsIn(`// see https://one.example\n/* https://two.example */ const a = 1 // https://three.example`)).toEqual([])
  })

  test('are only in the model catalogue', () => {
    const files = [...filesUnder('src'), ...filesUnder('workers'), ...filesUnder('shaders'), 'vite.config.ts', 'index.html']
    expect(files.length).toBeGreaterThan(100)
    expect(files).toContain(FILE)
    const found = files.filter((file) => file !== FILE).flatMap((file) => hostsIn(readFileSync(file, 'utf8')).map((host) => `${file}: ${host}`))
    // the example address in a message can never be reached (RFC 2606)
    expect(found.filter((line) => !line.endsWith('https://mirror.example'))).toEqual([])
    expect(hostsIn(readFileSync(FILE, 'utf8'))).toContain('https://huggingface.co')
  })
})

describe('the catalogue', () => {
  test('has unique ids that are folder names, and valid hashes', () => {
    expect(new Set(CATALOGUE.map(({ id }) => id)).size).toBe(CATALOGUE.length)
    for (const { id, files, license, revision } of CATALOGUE) {
      expect(id).toMatch(/^[a-z0-9.-]+$/)
      expect(files.length).toBeGreaterThan(0)
      expect(new URL(license.url).protocol).toBe('https:')
      expect(revision).toMatch(/^(main|[0-9a-f]{40})$/)
      for (const { aboutBytes, pin } of files) {
        expect(aboutBytes).toBeGreaterThan(0)
        if (pin) expect([pin.bytes, pin.sha256]).toEqual([aboutBytes, expect.stringMatching(/^[0-9a-f]{64}$/)])
      }
    }
    expect(new Set(CATALOGUE.map(({ role }) => role))).toEqual(new Set(['video', 'text-encoder', 'tokenizer', 'prompt-enhancer']))
  })

  test('names for each video model its estimates, its text encoders and their tokenizer', () => {
    for (const entry of CATALOGUE.filter(({ role }) => role === 'video')) {
      expect([entry.shape, entry.gpuBytes]).toEqual([expect.any(String), expect.any(Number)])
      expect(TEXT_ENCODER_KINDS.map(({ id }) => id)).toContain(entry.encoderKind)
      expect(encodersOf(entry.encoderKind!).length).toBeGreaterThan(0)
      expect(tokenizerOf(entry)).toBeDefined()
    }
  })

  test('gives the address of a file on the hub and on a mirror', () => {
    const entry = { repo: 'owner/name', revision: 'abc' }
    expect(catalogueFileUrl(entry, 'folder/file.bin')).toBe(`${HUB.baseUrl}owner/name/resolve/abc/folder/file.bin`)
    expect(catalogueFileUrl(entry, 'file.bin', 'http://localhost:8000/hub/')).toBe('http://localhost:8000/hub/owner/name/resolve/abc/file.bin')
  })
})

describe('the policy', () => {
  const connect = (policy: string) => /connect-src ([^;]*)/.exec(policy)?.[1]?.split(' ')

  test('allows requests to this origin and to the origins of the hub only', () => {
    expect(connect(contentSecurityPolicy())).toEqual([`'self'`, ...HUB.origins])
    expect(siteHeaders()['Content-Security-Policy']).toBe(contentSecurityPolicy())
    expect(connect(contentSecurityPolicy({ dev: true }))).toEqual(connect(contentSecurityPolicy()))
  })

  test('adds only the origin of a mirror', () => {
    expect(connect(contentSecurityPolicy({ mirror: 'https://mirror.example:8443/hub/' }))).toEqual([`'self'`, ...HUB.origins, 'https://mirror.example:8443'])
  })
})

describe('parseMirror', () => {
  test.each([
    ['', null],
    ['  ', null],
    ['https://mirror.example', 'https://mirror.example/'],
    [' https://Mirror.Example/hub ', 'https://mirror.example/hub/'],
    ['http://localhost:8000/hub/', 'http://localhost:8000/hub/'],
    ['http://127.0.0.1:9', 'http://127.0.0.1:9/'],
  ])('normalizes %j to %j', (typed, normalized) => {
    expect(parseMirror(typed)).toBe(normalized)
  })

  test.each([
    ['mirror.example', 'not a URL'],
    ['http://mirror.example/', 'https:'],
    ['ftp://mirror.example/', 'https:'],
    ['https://me:secret@mirror.example/', 'password'],
    ['https://mirror.example/?a=1', '? or #'],
    // would end the directive and start another
    ["https://a;script-src'unsafe-inline'/", 'letters, digits, dots and hyphens'],
    ['https://a,b/', 'letters, digits, dots and hyphens'],
    ['https://[::1]/', 'letters, digits, dots and hyphens'],
  ])('rejects %j', (typed, reason) => {
    const parse = () => parseMirror(typed)
    expect(parse).toThrow(AppError)
    expect(parse).toThrow(reason)
  })
})
