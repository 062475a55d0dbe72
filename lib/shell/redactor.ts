import type { OnOutput } from './spawn.ts'

/** Shorter strings occur everywhere, so replacing them would make the output unreadable. */
const shortest = 4

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/** A private key, complete or cut off, also as a JSON string. It needs no registration. */
const privateKey =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:[\s\S]{0,20000}?-----END [A-Z0-9 ]*PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]*)/g

export type Redactor = ReturnType<typeof createRedactor>

/** Removes every known secret from any text. */
export function createRedactor(secrets: readonly string[] = []) {
  const known = new Set<string>()
  let longestFirst: string[] = []
  const redactor = {
    /** Registers a secret and its JSON-escaped, URL-encoded and base64 forms. */
    add(secret: string) {
      if (secret.length < shortest) return
      known.add(secret)
      // Also escaped twice, because the transcript stores a tool's JSON output as a JSON string.
      known.add(inJson(secret))
      known.add(inJson(inJson(secret)))
      known.add(encodeURIComponent(secret))
      known.add(Buffer.from(secret).toString('base64').replace(/=+$/, ''))
      longestFirst = [...known].sort((a, b) => b.length - a.length)
    },
    /** Replaces every known secret with `***`. */
    clean(text: string) {
      const known = longestFirst.reduce((cleaned, secret) => cleaned.replaceAll(secret, '***'), text)
      return known.includes(' PRIVATE KEY-----') ? known.replaceAll(privateKey, '***') : known
    },
  }
  secrets.forEach(redactor.add)
  return redactor
}

/** Passes output on in whole lines, so that a secret in two chunks is recognised. */
export function byLines(onLines: OnOutput): { hear: OnOutput; end(): void } {
  const rest = { stdout: '', stderr: '' }
  return {
    hear(chunk, from) {
      const text = rest[from] + chunk
      const whole = Math.max(text.lastIndexOf('\n'), text.lastIndexOf('\r')) + 1
      rest[from] = text.slice(whole)
      if (whole > 0) onLines(text.slice(0, whole), from)
    },
    end() {
      for (const from of ['stdout', 'stderr'] as const) if (rest[from] !== '') onLines(rest[from], from)
    },
  }
}
