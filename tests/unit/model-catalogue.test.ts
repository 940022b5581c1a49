// The table of sources, what the policy makes of it, and that no other file names a host.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseMirror } from '../../src/shared/mirror'
import { contentSecurityPolicy, siteHeaders } from '../../src/shared/site-headers'
import { HUB, catalogueFileUrl, CATALOGUE } from '../../src/shared/model-catalogue'
import { AppError } from '../../src/shared/errors'

const TABLE = 'src/shared/model-catalogue.ts'

/** Hosts that a file's code names; comments may cite what they like. */
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

describe('no host is hard-wired', () => {
  test('the search finds a host in code, and not in a comment', () => {
    expect(hostsIn(`const url = 'https://cdn.example/x'`)).toEqual(['https://cdn.example'])
    expect(hostsIn('const url = `https://${host}`; fetch("models.example.com/x")')).toEqual(['example.com'])
    expect(hostsIn(`<a href="http://one.example">`)).toEqual(['http://one.example'])
    expect(hostsIn(`// see https://one.example\n/* https://two.example */ const a = 1 // https://three.example`)).toEqual([])
  })

  test('but through the table of sources', () => {
    const files = [...filesUnder('src'), ...filesUnder('workers'), ...filesUnder('shaders'), 'vite.config.ts', 'index.html']
    expect(files.length).toBeGreaterThan(100)
    expect(files).toContain(TABLE)
    const found = files.filter((file) => file !== TABLE).flatMap((file) => hostsIn(readFileSync(file, 'utf8')).map((host) => `${file}: ${host}`))
    // an address that a message shows as an example is one that can never be reached (RFC 2606)
    expect(found.filter((line) => !line.endsWith('https://mirror.example'))).toEqual([])
    expect(hostsIn(readFileSync(TABLE, 'utf8'))).toContain('https://huggingface.co')
  })
})

describe('the table', () => {
  test('is consistent: ids are unique, folders are names, pins are hashes', () => {
    expect(new Set(CATALOGUE.map(({ id }) => id)).size).toBe(CATALOGUE.length)
    for (const { id, files, licence, revision } of CATALOGUE) {
      expect(id).toMatch(/^[a-z0-9.-]+$/)
      expect(files.length).toBeGreaterThan(0)
      expect(new URL(licence.url).protocol).toBe('https:')
      expect(revision).toMatch(/^(main|[0-9a-f]{40})$/)
      for (const { aboutBytes, pin } of files) {
        expect(aboutBytes).toBeGreaterThan(0)
        if (pin) expect([pin.bytes, pin.sha256]).toEqual([aboutBytes, expect.stringMatching(/^[0-9a-f]{64}$/)])
      }
    }
    expect(new Set(CATALOGUE.map(({ role }) => role))).toEqual(new Set(['video', 'text-encoder', 'tokenizer', 'prompt-writer']))
  })

  test('a file is on the hub, or at the same path on a mirror', () => {
    const source = { repo: 'owner/name', revision: 'abc' }
    expect(catalogueFileUrl(source, 'folder/file.bin')).toBe(`${HUB.baseUrl}owner/name/resolve/abc/folder/file.bin`)
    expect(catalogueFileUrl(source, 'file.bin', 'http://localhost:8000/hub/')).toBe('http://localhost:8000/hub/owner/name/resolve/abc/file.bin')
  })
})

describe('the policy', () => {
  const connect = (policy: string) => /connect-src ([^;]*)/.exec(policy)?.[1]?.split(' ')

  test('lets the page read from itself and from the origins of the table, and from nowhere else', () => {
    expect(connect(contentSecurityPolicy())).toEqual([`'self'`, ...HUB.origins])
    expect(siteHeaders()['Content-Security-Policy']).toBe(contentSecurityPolicy())
    expect(connect(contentSecurityPolicy({ dev: true }))).toEqual(connect(contentSecurityPolicy()))
  })

  test('adds the origin of a mirror, and nothing more of its address', () => {
    expect(connect(contentSecurityPolicy({ mirror: 'https://mirror.example:8443/hub/' }))).toEqual([`'self'`, ...HUB.origins, 'https://mirror.example:8443'])
  })
})

describe('a mirror', () => {
  test.each([
    ['', null],
    ['  ', null],
    ['https://mirror.example', 'https://mirror.example/'],
    [' https://Mirror.Example/hub ', 'https://mirror.example/hub/'],
    ['http://localhost:8000/hub/', 'http://localhost:8000/hub/'],
    ['http://127.0.0.1:9', 'http://127.0.0.1:9/'],
  ])('%j is kept as %j', (typed, kept) => {
    expect(parseMirror(typed)).toBe(kept)
  })

  test.each([
    ['mirror.example', 'no URL'],
    ['http://mirror.example/', 'https:'],
    ['ftp://mirror.example/', 'https:'],
    ['https://me:secret@mirror.example/', 'password'],
    ['https://mirror.example/?a=1', '? and #'],
    // would end the directive and begin another
    ["https://a;script-src'unsafe-inline'/", 'characters'],
    ['https://a,b/', 'characters'],
    ['https://[::1]/', 'characters'],
  ])('%j is refused', (typed, why) => {
    const refused = () => parseMirror(typed)
    expect(refused).toThrow(AppError)
    expect(refused).toThrow(why)
  })
})
