const shortest = 4

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/** A private key, whole or without its end, also as a string in JSON; nobody has to have registered it. */
const privateKey =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:[\s\S]{0,20000}?-----END [A-Z0-9 ]*PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]*)/g

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
      const known = longestFirst.reduce((cleaned, secret) => cleaned.replaceAll(secret, '***'), text)
      return known.includes(' PRIVATE KEY-----') ? known.replaceAll(privateKey, '***') : known
    },
  }
  secrets.forEach(redactor.add)
  return redactor
}
