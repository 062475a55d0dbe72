import type { OnOutput } from './spawn.ts'

/** Shorter strings occur everywhere, so replacing them would make the output unreadable. */
const shortest = 4

const inJson = (text: string): string => JSON.stringify(text).slice(1, -1)

/** The forms in which text contains a secret: plain, in JSON, in a URL or a form, in base64 and in hexadecimal. */
export function listForms(secret: string): string[] {
  const bytes = Buffer.from(secret)
  const inUrl = encodeURIComponent(secret)
  const inForm = new URLSearchParams([['', secret]]).toString().slice(1)
  const base64 = [
    bytes.toString('base64').replace(/=+$/, ''),
    ...[0, 1, 2].map((before) => inBase64(bytes, before)),
  ]
  const long = [
    ...base64.flatMap((text) => [text, text.replaceAll('+', '-').replaceAll('/', '_')]),
    ...[bytes.toString('hex'), bytes.toString('hex').toUpperCase()],
  ].filter((text) => text.length >= shortestEncoded)
  // Twice in JSON, because the transcript stores a tool's JSON output as a JSON string.
  const plain = [
    secret,
    inJson(secret),
    inJson(inJson(secret)),
    inUrl,
    inUrl.replaceAll(/%../g, (code) => code.toLowerCase()),
  ]
  return [...new Set([...plain, inForm, ...long])]
}

/** Shorter ones occur by chance. */
const shortestEncoded = 6

/** The part of base64 that depends on the secret alone where so many bytes (modulo 3) precede it, as in `user:password`. */
const inBase64 = (bytes: Buffer, before: number): string =>
  Buffer.concat([Buffer.alloc(before), bytes, Buffer.alloc(2)])
    .toString('base64')
    .slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6))

/** A private key, complete or cut off, also as a JSON string. It needs no registration. */
const privateKey =
  /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:[\s\S]{0,20000}?-----END [A-Z0-9 ]*PRIVATE KEY-----|[A-Za-z0-9+/=\s\\]*)/g

export type Redactor = ReturnType<typeof createRedactor>

/** Removes every known secret from any text. */
export function createRedactor(secrets: readonly string[] = []) {
  const known = new Set<string>()
  let longestFirst: string[] = []
  const redactor = {
    /** Registers a secret in all its forms. */
    add(secret: string) {
      if (secret.length < shortest) return
      for (const form of listForms(secret)) known.add(form)
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
