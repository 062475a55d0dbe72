import { readFileSync } from 'node:fs'

/** The value of a JSON text; its type is not checked. Undefined when the text is not JSON, or null. */
export function parseJson<Value>(text: string): Value | undefined {
  try {
    return (JSON.parse(text) as Value | null) ?? undefined
  } catch {
    return undefined
  }
}

/** The text of a file; undefined when it cannot be read. */
export function readIfPresent(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}
