import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { assetIdsIn } from '../../src/shared/record'

const id = fc.stringMatching(/^[0-9a-f]{64}$/)

describe('assetIdsIn', () => {
  it('finds ids at any depth, each once', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { maxLength: 5 }), fc.integer({ min: 0, max: 4 }), (ids, depth) => {
        const nested = ids.map((each) =>
          Array.from({ length: depth }).reduce<unknown>((inner) => ({ inner: [inner] }), {
            source: { kind: 'image', id: each },
            text: `before ${each}, behind`,
          }),
        )
        expect(assetIdsIn(nested).toSorted()).toEqual(ids.toSorted())
      }),
    )
  })

  it('finds no ids in empty values or in longer or shorter hex strings', () => {
    for (const value of [undefined, null, '', 'f'.repeat(63), 'f'.repeat(65), ['a'.repeat(128)], { id: 'F'.repeat(64) }]) expect(assetIdsIn(value)).toEqual([])
  })
})
