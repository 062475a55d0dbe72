import { lintSource } from '@secretlint/core'
import { creator as recommended } from '@secretlint/secretlint-rule-preset-recommend'

/** A piece of text that looks like a secret. */
export interface Found {
  line: number
  rule: string
  text: string
}

/**
 * Secrets of this project for which secretlint has no rule. Microsoft's form of a client secret:
 * https://github.com/microsoft/security-utilities (SEC101/156, AadClientAppIdentifiableCredentials).
 */
const forms: [rule: string, pattern: RegExp][] = [
  ['client secret of Microsoft Entra', /[\w.~-]{3}[78]Q~[\w.~-]{31,34}/g],
  ['secret in hexadecimal', /(?:SECRET|PASSWORD|TOKEN|KEY)\w*['"]?\s?[=:]\s?['"]?([0-9a-f]{32,})/gi],
]

/** Base64 of 24 bytes or more; keys of Azure's services are such text. */
const base64 = /(?<![\w+/-])[\w+/-]{32,}={0,2}/g

/** Public by their nature: certificates, the public keys of ssh, and the checksums in package-lock.json. */
const published =
  /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----|\bAAAA[CE]3NzaC1[\w+/=]+|\bsha512-[\w+/=]+/g

/** Shannon's entropy in bits for each character: 6 for endless random base64, about 4 for words and paths. */
function getEntropy(text: string): number {
  const counts = Map.groupBy(text, (character) => character)
  return [...counts.values()].reduce((sum, { length }) => {
    const share = length / text.length
    return sum - share * Math.log2(share)
  }, 0)
}

const looksRandom = (text: string) =>
  /[a-z]/.test(text) && /[A-Z]/.test(text) && /\d/.test(text) && getEntropy(text) > 4.6

/** What in the text of a file has the form of a secret, or is as random as one. */
export async function scanSecrets(file: string, content: string): Promise<Found[]> {
  const { messages } = await lintSource({
    source: { filePath: file, content, ext: '.txt', contentType: 'text' },
    options: {
      config: { rules: [{ id: '@secretlint/secretlint-rule-preset-recommend', rule: recommended }] },
      noPhysicFilePath: true,
    },
  })
  const getLine = (at: number) => content.slice(0, at).split('\n').length
  const known = messages.map(({ ruleId, range }) => ({
    line: getLine(range[0]),
    rule: ruleId.replace('@secretlint/secretlint-rule-', ''),
    text: content.slice(...range),
  }))
  const secret = content.replaceAll(published, (text) => ' '.repeat(text.length))
  const own = forms.flatMap(([rule, pattern]) =>
    Array.from(secret.matchAll(pattern), ({ index, 0: all, 1: text = all }) => ({
      line: getLine(index),
      rule,
      text,
    })),
  )
  const random = Array.from(secret.matchAll(base64))
    .filter(([text]) => looksRandom(text))
    .map(({ index, 0: text }) => ({ line: getLine(index), rule: 'random text', text }))
  return [...known, ...own, ...random]
}
