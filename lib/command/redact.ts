const shortest = 4

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/** Knows every secret of the run and takes them out of any text. */
export interface Redactor {
  /** Registers a secret; its JSON-escaped, URL-encoded and base64 forms count too. */
  add(secret: string): void
  /** The text with every known secret replaced by `***`. */
  clean(text: string): string
}

export function createRedactor(secrets: readonly string[] = []): Redactor {
  const known = new Set<string>()
  let longestFirst: string[] = []
  const redactor: Redactor = {
    add(secret) {
      if (secret.length < shortest) return
      known.add(secret)
      // Twice: a tool prints JSON, and the transcript keeps what it printed as a string in JSON.
      known.add(inJson(secret))
      known.add(inJson(inJson(secret)))
      known.add(encodeURIComponent(secret))
      known.add(Buffer.from(secret).toString('base64').replace(/=+$/, ''))
      longestFirst = [...known].sort((a, b) => b.length - a.length)
    },
    clean(text) {
      return longestFirst.reduce((cleaned, secret) => cleaned.replaceAll(secret, '***'), text)
    },
  }
  secrets.forEach(redactor.add)
  return redactor
}
