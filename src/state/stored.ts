// localStorage that may be refused (private windows, site data blocked): then a choice simply lasts as long as the page.

/** A stored JSON value, or undefined when there is none or it cannot be read. */
export function readStored(key: string): unknown {
  try {
    const text = localStorage.getItem(`kinora.${key}`)
    return text === null ? undefined : (JSON.parse(text) as unknown)
  } catch {
    return undefined
  }
}

export function writeStored(key: string, value: unknown): void {
  try {
    localStorage.setItem(`kinora.${key}`, JSON.stringify(value))
  } catch {
    // kept in memory only
  }
}
