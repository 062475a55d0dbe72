import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home } from '../../support/helpers.ts'

const read = (file: string) => readFileSync(path.join(home, file), 'utf8')

test('every link to a file in the repository resolves, including its heading', () => {
  const pages = globSync(['*.md', 'docs/**/*.md', 'bench/*.md', '.github/**/*.md'], { cwd: home })
  expect(pages.length).toBeGreaterThan(20)
  const broken = pages.flatMap((page) =>
    Array.from(read(page).matchAll(/\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)/g), ([, target, heading]) => {
      const file = target ? path.join(path.dirname(page), target) : page
      if (target?.startsWith('../../')) return undefined
      if (!existsSync(path.join(home, file))) return `${page}: ${target}`
      return heading && !headings(read(file)).includes(heading) ? `${page}: ${target}#${heading}` : undefined
    }).filter((found) => found !== undefined),
  )
  expect(broken).toEqual([])
})

test('every path that a page names exists', () => {
  const pages = globSync(['*.md', 'docs/**/*.md', 'bench/*.md'], { cwd: home }).filter(
    (page) => page !== 'CHANGELOG.md',
  )
  const named = /`((?:lib|test|rehearsal|scripts|infra|bench|docs|bin|examples)\/[\w./-]*)`/g
  const gone = pages.flatMap((page) =>
    Array.from(read(page).matchAll(named), ([, file]) => file!)
      .filter((file) => !existsSync(path.join(home, file)))
      .map((file) => `${page}: ${file}`),
  )
  expect(gone).toEqual([])
})

test('every test file that a page names by its bare name is there', () => {
  const names = new Set(globSync('test/**/*.test.ts', { cwd: home }).map((file) => path.basename(file)))
  const gone = globSync(['*.md', 'docs/**/*.md', 'bench/*.md'], { cwd: home })
    .filter((page) => page !== 'CHANGELOG.md')
    .flatMap((page) =>
      Array.from(read(page).matchAll(/`([\w-]+\.test\.ts)`/g), ([, name]) => name!)
        .filter((name) => !names.has(name))
        .map((name) => `${page}: ${name}`),
    )
  expect(gone).toEqual([])
})

test('every file that a comment names in brackets is there', () => {
  const sources = globSync('{bench,bin,docs/tools,lib,rehearsal,scripts,test}/**/*.{js,ts,sh}', { cwd: home })
  const files = sources.map((file) => `/${file}`)
  const gone = sources.flatMap((source) =>
    Array.from(read(source).matchAll(/\(([\w./-]+\.(?:ts|sh))\)/g), ([, name]) => name!)
      .filter((name) => !files.some((file) => file.endsWith(`/${name}`)))
      .map((name) => `${source}: ${name}`),
  )
  expect(gone).toEqual([])
})

test('every script has a line in the runbook and in the README', () => {
  const scripts = globSync('scripts/**/*.ts', { cwd: home }).map((file) =>
    path.basename(file).replace(/(\.mjs)?\.ts$/, ''),
  )
  expect(scripts.length).toBeGreaterThan(20)
  const named = Array.from(read('docs/runbook.md').matchAll(/`npx dominion ([^ `]+)/g), ([, name]) => name)
  expect(scripts.filter((name) => name !== 'rehearse' && !named.includes(name))).toEqual([])
  const readme = read('README.md')
  expect(scripts.filter((name) => !readme.includes(`| \`${name}\` |`))).toEqual([])
})

/** The anchors that GitHub gives to a page's headings. */
const headings = (text: string): string[] =>
  Array.from(text.matchAll(/^#+ (.*)$/gm), ([, title]) =>
    title!
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\- ]/gu, '')
      .replaceAll(' ', '-'),
  )

test('every message on the troubleshooting page occurs in the scripts', () => {
  const sources = globSync(['lib/**/*.ts', 'scripts/**/*.ts', 'bin/*.js'], { cwd: home }).map(read).join('\n')
  // A template's interpolation is … on the page.
  const said = sources.replaceAll(/\$\{(?:[^{}]|\{[^{}]*\})*\}/g, '…').replaceAll("\\'", "'")
  const messages = Array.from(
    read('docs/troubleshooting.md').matchAll(/^\| (?!message|---)(.*?) \|/gm),
    ([, message]) => message!,
  )
  expect(messages.length).toBeGreaterThan(25)
  const unknown = messages.flatMap((message) =>
    message.split('…').filter((part) => !said.includes(part.replace(/^[ ,]+|[ ,(]+$/g, ''))),
  )
  expect(unknown).toEqual([])
})
