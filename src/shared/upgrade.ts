// What earlier versions stored or exchange still, brought to this version's names: requests (in records, recipes, queue rows and scripts)
// and drafts. Nothing is lost and nothing is checked here: the schemas do that afterwards.

/** Fields of a request until version 1, and their names since. */
const REQUEST_FIELDS: ReadonlyMap<string, string> = new Map([
  ['start', 'initVideo'],
  ['before', 'prefix'],
  ['after', 'suffix'],
])

/** A request of any version with this version's fields; a current one, or other data, as it is. Pure. */
export function upgradeRequest(data: unknown): unknown {
  return isObject(data) ? renamed(data, REQUEST_FIELDS) : data
}

/**
 * The text that identifies a request among checkpoints: the JSON of version 1, so that jobs which were checkpointed before still resume.
 * @param request as parseRequest returns it: its fields in the order of the schema
 */
export function requestIdentity(request: object): unknown {
  return renamed(request, new Map([...REQUEST_FIELDS].map(([before, since]) => [since, before])))
}

/** Ids of modes in a draft until version 1, and their ids since. */
const DRAFT_MODES: ReadonlyMap<unknown, string> = new Map([
  ['words', 't2v'],
  ['picture', 'i2v'],
  ['fill', 'inbetween'],
  ['remix', 'v2v'],
])

/** A stored draft of any version with this version's fields; a current one, or other data, as it is. Pure. */
export function upgradeDraft(data: unknown): unknown {
  if (!isObject(data) || !isObject(data['madeFrom'])) return data
  const { madeFrom, ...draft } = data as { madeFrom: Record<string, unknown> }
  const { mode, picture, keyframes, fill, blend, remix, ...same } = madeFrom
  const inputs = { ...same, i2v: imageOf(picture), keyframes: keyframesOf(keyframes), inbetween: pairOf(fill), blend: pairOf(blend), v2v: remix }
  return { ...draft, mode: DRAFT_MODES.get(mode) ?? mode, inputs }
}

function keyframesOf(keyframes: unknown): unknown {
  if (!isObject(keyframes)) return keyframes
  const { first, between, last } = keyframes
  return { first: imageOf(first), between: Array.isArray(between) ? between.map(imageOf) : between, last: imageOf(last) }
}

function imageOf(row: unknown): unknown {
  return isObject(row) ? renamed(row, new Map([['picture', 'image']])) : row
}

function pairOf(pair: unknown): unknown {
  return isObject(pair)
    ? renamed(
        pair,
        new Map([
          ['before', 'first'],
          ['after', 'last'],
        ]),
      )
    : pair
}

/** The same fields in the same order under their other names; a field that is there under both names keeps the newer one. */
function renamed(data: object, names: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(data).flatMap(([field, value]) => {
      const name = names.get(field)
      if (name === undefined) return [[field, value]]
      return name in data ? [] : [[name, value]]
    }),
  )
}

function isObject(data: unknown): data is Record<string, unknown> {
  return typeof data === 'object' && data !== null && !Array.isArray(data)
}
