import { describe, expect, it } from 'vitest'
import { folderOf } from '../../src/components/pick-from-disk'
import { handleOf, localBytes, placeName, type LocalFiles, type LocalPlace } from '../../src/shared/local-files'
import { AppError } from '../../src/shared/errors'
import { CATALOGUE } from '../../src/shared/model-catalogue'
import type { SetPart } from '../../src/state/model-set'
import { localFilesText, rejectionTitle, statusText } from '../../src/views/models/download-text'
import { recordingFolder, localFolder, localIdentity, requireUnchanged } from '../../workers/weights/local-file-handles'

const never = new AbortController().signal
const file = (name: string, text: string, lastModified = 1000) => new File([text], name, { lastModified })
const folderPlace = (files: Record<string, string>, lastModified = 1000): LocalPlace => ({
  kind: 'folder',
  name: 'LTX',
  folder: Object.entries(files).map(([path, text]) => ({ path, file: file(path.split('/').at(-1) ?? '', text, lastModified) })),
})

async function localFilesOf(place: LocalPlace, paths: string[]): Promise<LocalFiles> {
  const { folder, files } = recordingFolder(place)
  for (const path of paths) await folder.open(never, path)
  return { schemaVersion: 1, source: 'x', place, files }
}

const refusal = (run: Promise<unknown>) =>
  run.then(
    () => 'accepted',
    (error: unknown) => (error instanceof AppError ? `${error.code}: ${error.message}` : String(error)),
  )

describe('local files', () => {
  it('record the files that were opened when they were chosen, each once', async () => {
    const localFiles = await localFilesOf(folderPlace({ 'vae/config.json': '{}', 'vae/w.safetensors': '12345', 'other.txt': '' }), [
      'vae/config.json',
      'vae/w.safetensors',
      'vae/config.json',
    ])
    expect(localFiles.files).toEqual([
      { path: 'vae/config.json', bytes: 2, lastModified: 1000 },
      { path: 'vae/w.safetensors', bytes: 5, lastModified: 1000 },
    ])
    expect(localBytes(localFiles)).toBe(7)
    expect([placeName(localFiles.place), handleOf(localFiles.place)]).toEqual(['LTX', undefined])
    expect(await refusal(recordingFolder(localFiles.place).folder.open(never, 'vae/none'))).toBe(
      'weights-missing: vae/none could not be read from the disk: it does not exist.',
    )
  })

  it('can be read while they are unchanged, and no other files', async () => {
    const localFiles = await localFilesOf({ kind: 'file', file: file('ltxv.safetensors', '12345') }, ['ltxv.safetensors'])
    const source = await localFolder(localFiles).open(never, 'ltxv.safetensors')
    expect(new TextDecoder().decode(await source.read(never, 1, 3))).toBe('23')
    await requireUnchanged(never, localFiles)
    expect(await refusal(localFolder(localFiles).open(never, 'index.json'))).toBe(
      'weights-missing: index.json did not exist when ltxv.safetensors was chosen: choose it again in Models.',
    )
    for (const other of [file('ltxv.safetensors', '123456'), file('ltxv.safetensors', '54321', 2000)]) {
      const changed = { ...localFiles, place: { kind: 'file', file: other } as const }
      expect(await refusal(requireUnchanged(never, changed))).toBe(
        'weights-missing: ltxv.safetensors has changed on the disk since it was chosen: choose it again in Models.',
      )
    }
  })

  it('have another identity with another name, length or time', async () => {
    const identity = async (name: string, text: string, at: number) => localIdentity(await localFilesOf({ kind: 'file', file: file(name, text, at) }, [name]))
    const first = await identity('a', '12', 1)
    expect(first).toMatch(/^disk [0-9a-f]{64}$/)
    expect(await identity('a', '34', 1), 'the content is not hashed').toBe(first)
    expect(new Set([first, await identity('b', '12', 1), await identity('a', '123', 1), await identity('a', '12', 2)]).size).toBe(4)
  })
})

describe('a folder without a handle', () => {
  it('is the paths of its files, without files that no model has', () => {
    const inFolder = (path: string) => Object.defineProperty(file(path.split('/').at(-1) ?? '', ''), 'webkitRelativePath', { value: path })
    const place = folderOf(['LTX/vae/config.json', 'LTX/.git/objects/1', 'LTX/README.md', 'LTX/text_encoder/model-00001-of-00002.safetensors'].map(inFolder))
    expect(place).toMatchObject({
      kind: 'folder',
      name: 'LTX',
      folder: [{ path: 'vae/config.json' }, { path: 'text_encoder/model-00001-of-00002.safetensors' }],
    })
    expect(folderOf([])).toBeNull()
  })
})

describe('text', () => {
  it('describes local files and whether they stay readable', async () => {
    const localFiles = await localFilesOf({ kind: 'file', file: file('ltxv.safetensors', '12345') }, ['ltxv.safetensors'])
    expect(localFilesText({ localFiles, status: 'ready', error: null })).toBe(
      'ltxv.safetensors, 5 B, read from your disk. This browser grants access for this visit only. After a reload, choose it again.',
    )
    expect(localFilesText({ localFiles, status: 'ask', error: null })).toContain('needs your permission to read it again')
    const titles = (['weights-corrupt', 'weights-missing', 'internal'] as const).map((code) => rejectionTitle({ code, message: '', details: {} }))
    expect(new Set(titles).size).toBe(3)
  })

  it('names the missing dependencies of a local model', () => {
    const [video, encoder, tokenizer] = (['video', 'text-encoder', 'tokenizer'] as const).map((role) => CATALOGUE.find((source) => source.role === role)!)
    const part = (source: SetPart['source'], status: SetPart['status']): SetPart => ({ source, path: 'x', bytesDone: 0, bytesTotal: 1, status })
    const words = (...parts: SetPart[]) => statusText({ status: 'paused', note: null, parts }, false, true)
    expect(words(part(video!, 'complete'), part(encoder!, 'absent'), part(tokenizer!, 'absent'))).toBe('Incomplete: download the text encoder and tokenizer.')
    expect(words(part(video!, 'complete'), part(encoder!, 'complete'), part(tokenizer!, 'paused'))).toBe('Incomplete: download the tokenizer.')
    expect(statusText({ status: 'paused', note: null, parts: [] })).toBe('Paused. Progress is saved.')
    expect(statusText({ status: 'complete', note: null }, false, true)).toContain('headers of local files were verified')
  })
})
