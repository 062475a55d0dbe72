import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { keys } from '../../../lib/config/schema.ts'
import { home } from '../../support/helpers.ts'

/** Texts that may name a key without its file, by the room or file that contains them; the reason stands beside each. */
const exceptions: readonly [RegExp, string][] = [
  [/^lib\/config\/(schema|settings\/\w+)\.ts: /, 'the text above the keys in .env.example'],
  [/^lib\/config\/config\.ts: .*AZURE_CONFIG_DIR='?\$/, 'a variable before an az command'],
  [/^lib\/config\/(load|stateDir)\.ts: /, 'it names the file that it has just read by itself'],
  [/^lib\/deploy\/separation\.ts: /, 'it says to which of two files the key belongs'],
  [/^lib\/config\/secret\.ts: .*the name of POSTGRES_USER, which/, 'completes a sentence with KEY in FILE'],
  [/^lib\/azure\/availability\.ts: .*follow it unless they are set/, 'completes a sentence with KEY in FILE'],
  [/^lib\/azure\/silence\.ts: .*the proxy \(HTTPS_PROXY\)/, 'a fact; the hint beside it names the file'],
  [/^lib\/azure\/containers\/release\.ts: .*WORKER_COUNT is \$/, 'a fact of a plan'],
  [/^lib\/cost\/estimate\.ts: .*DOMAIN_YEARLY_USD \$/, 'how a figure was calculated'],
  [/^scripts\/.*: .*\bDOMAIN\b/, 'stands for the domain itself in the summary of a script'],
  [/^scripts\/maintenance\/api-token\.ts: .*derived from APP_SECRET_KEY/, 'a fact'],
  [/^lib\/azure\/containers\/spec\.ts: .*\{ PUBLIC_READS: 'no' \}/, 'a variable of the container'],
]

const keyNames = new RegExp(`\\b(?:${Object.keys(keys).join('|')})\\b`, 'g')

const lines = globSync('{lib,scripts}/**/*.ts', { cwd: home }).flatMap((file) =>
  readFileSync(path.join(home, file), 'utf8')
    .replaceAll(/\/\*[\s\S]*?\*\//g, '')
    .split('\n')
    .filter((line) => !/^\s*\/\//.test(line))
    .map((line) => `${file.replaceAll(path.sep, '/')}: ${line.trim()}`),
)

/** The keys that the texts of a line name, without those of the same line for whose file it asks. */
function findFileless(line: string): string[] {
  const code = line.slice(line.indexOf(': ') + 2)
  const asked = Array.from(code.matchAll(/formatKeyFile\(([^)]*)\)/g), ([, given]) => given!).join()
  // A quoted name alone is data. What remains in quotes with a space is a text.
  const texts = code.replaceAll(/(['"`])[A-Z_]+\1/g, '').match(/(['"`]).* .*\1/g) ?? []
  const named = texts.flatMap((text) => text.match(keyNames) ?? [])
  return named.filter((key) => !asked.includes(`'${key}'`))
}

test('each hint that names a key also names the file that was read', () => {
  const raw = lines.filter((line) => findFileless(line).length > 0)
  expect(raw.filter((line) => !exceptions.some(([where]) => where.test(line)))).toEqual([])
  const unused = exceptions.filter(([where]) => !raw.some((line) => where.test(line)))
  expect(unused.map(([, reason]) => reason)).toEqual([])
})
