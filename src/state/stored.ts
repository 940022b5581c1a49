// localStorage that may be refused (private windows, site data blocked): then a choice simply lasts as long as the page.

const PREFIX = 'kinora.'

/** A stored JSON value, or undefined when there is none or it cannot be read. */
export function readStored(key: string): unknown {
  try {
    const text = localStorage.getItem(PREFIX + key)
    return text === null ? undefined : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

/** @returns whether it is kept; else it lasts as long as the page */
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
    // there is none
  }
}

/** Every key that something is stored under and that begins like this. */
export function storedKeys(beginning: string): string[] {
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(PREFIX + beginning)).map((key) => key.slice(PREFIX.length))
  } catch {
    return []
  }
}
