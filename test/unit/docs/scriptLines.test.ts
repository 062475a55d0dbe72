import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home } from '../../support/helpers.ts'

const read = (pattern: string) =>
  globSync(pattern, { cwd: home }).map((file): [file: string, text: string] => [
    path.basename(file),
    readFileSync(path.join(home, file), 'utf8'),
  ])

test('every az line that a script’s comment names is one that the scripts run', () => {
  const sources = read('{lib,scripts}/**/*.ts').map(([, text]) => text)
  const run = (words: string) => sources.some((text) => new RegExp(`\`\\s*(?:az )?${words}\\b`).test(text))
  const named = read('scripts/**/*.ts').flatMap(([file, text]) =>
    Array.from(text.matchAll(/^\s*\/\/.*$/gm)).flatMap(([comment]) =>
      Array.from(comment.matchAll(/\baz ([a-z]+(?: [a-z]+)?)/g), ([, words]) => `${file}: ${words}`),
    ),
  )
  expect(named.length).toBeGreaterThan(15)
  expect(named.filter((line) => !run(line.split(': ')[1]!))).toEqual([])
})
