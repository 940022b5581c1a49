// JSON values in localStorage. Where it is unavailable (private windows, blocked site data), values last as long as the page.

const PREFIX = 'kinora.'

/** A stored JSON value; undefined if there is none or it is invalid. */
export function readStored(key: string): unknown {
  try {
    const text = localStorage.getItem(PREFIX + key)
    return text === null ? undefined : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

/** Whether there is a value, even one that is no JSON. */
export function isStored(key: string): boolean {
  return storedKeys(key).includes(key)
}

/** Moves a stored value to another key, as it is: for both there may be no room. */
export function moveStored(key: string, to: string): void {
  try {
    const text = localStorage.getItem(PREFIX + key)
    localStorage.removeItem(PREFIX + key)
    if (text !== null) localStorage.setItem(PREFIX + to, text)
  } catch {
    // localStorage is unavailable
  }
}

/** Stores a JSON value. @returns false if it could not be stored */
export function writeStored(key: string, value: unknown): boolean {
  try {
    localStorage.setItem(PREFIX + key, JSON.stringify(value))
    return true
  } catch {
    return false
  }
}

export function removeStored(key: string): void {
  try {
    localStorage.removeItem(PREFIX + key)
  } catch {
    // localStorage is unavailable
  }
}

/** All keys with a prefix. */
export function storedKeys(prefix: string): string[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(PREFIX + prefix))
      .map((key) => key.slice(PREFIX.length))
  } catch {
    return []
  }
}
