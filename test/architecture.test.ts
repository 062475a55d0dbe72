import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { home } from './support/helpers.ts'

/** The rooms of docs/architecture.md from the general to the specific, each with the rooms it may import from. */
const below: Record<string, string[]> = {
  util: [],
  net: ['util'],
  html: ['util'],
  shell: ['net', 'util'],
  config: ['shell', 'net', 'util'],
  cli: ['config', 'shell', 'net', 'util'],
  tasks: ['config', 'shell', 'net', 'util'],
  azure: ['tasks', 'config', 'shell', 'net', 'util'],
  vps: ['html', 'tasks', 'config', 'shell', 'net', 'util'],
  database: ['azure', 'tasks', 'config', 'shell', 'net', 'util'],
  checks: ['database', 'vps', 'azure', 'tasks', 'config', 'shell', 'net', 'util'],
  cost: ['azure', 'tasks', 'cli', 'config', 'shell', 'net', 'util'],
  logs: ['vps', 'azure', 'tasks', 'cli', 'config', 'shell', 'net', 'util'],
  metrics: ['html', 'azure', 'tasks', 'cli', 'config', 'shell', 'net', 'util'],
  deploy: ['checks', 'cost', 'database', 'vps', 'azure', 'tasks', 'cli', 'config', 'shell', 'net', 'util'],
  monitoring: [
    ...['deploy', 'checks', 'cost', 'database', 'vps', 'azure', 'html'],
    ...['tasks', 'cli', 'config', 'shell', 'net', 'util'],
  ],
  schedule: ['monitoring', 'database', 'tasks', 'cli', 'config', 'shell', 'net', 'util'],
}

interface Import {
  from: string
  to: string
  /** Erased at run time. */
  typeOnly: boolean
  /** import(…), loaded on demand. */
  dynamic: boolean
}

const texts = new Map(
  globSync('{lib,scripts,rehearsal,test}/**/*.ts', { cwd: home })
    .map((file) => file.replaceAll(path.sep, '/'))
    .sort()
    .map((file) => [file, readFileSync(path.join(home, file), 'utf8')]),
)
const filesIn = (...folders: string[]) =>
  [...texts.keys()].filter((file) => folders.includes(file.split('/')[0]!))
const product = filesIn('lib', 'scripts')
const matching = (files: string[], pattern: RegExp) => files.filter((file) => pattern.test(texts.get(file)!))
const getRoom = (file: string) => file.split('/')[1]!

const imports = [...texts].flatMap(([from, text]): Import[] =>
  Array.from(
    text.matchAll(/(?:\b(?:import|export) (type )?[^'"]*?from |\bimport |(import)\(\s*)'(\.{1,2}\/[^']+)'/g),
    ([, type, dynamic, to]) => ({
      from,
      to: path.posix.join(path.posix.dirname(from), to!),
      typeOnly: type !== undefined,
      dynamic: dynamic !== undefined,
    }),
  ),
)

const mayReach = (from: string, to: string) => from === to || below[from]?.includes(to)

test('imports in lib run one way', () => {
  const wrong = imports
    .filter(({ from, to }) => from.startsWith('lib/') && to.startsWith('lib/'))
    .filter(({ from, to }) => !mayReach(getRoom(from), getRoom(to)))
  expect(wrong).toEqual([])
})

test('no file reads a file of another room by its path', () => {
  const wrong = [...texts].flatMap(([file, text]) =>
    Array.from(text.matchAll(/join\(\s*import\.meta\.dirname((?:,\s*'[^']*')+)/g), ([, words]) => ({
      file,
      reads: path.posix.join(
        path.posix.dirname(file),
        ...words!.split(',').map((word) => word.trim().slice(1, -1)),
      ),
    })).filter(
      ({ reads }) => file.startsWith('lib/') && reads.startsWith('lib/') && getRoom(file) !== getRoom(reads),
    ),
  )
  expect(wrong).toEqual([])
})

test('imports have no cycles', () => {
  const edges = Map.groupBy(
    imports.filter(({ typeOnly, dynamic }) => !typeOnly && !dynamic),
    ({ from }) => from,
  )
  const done = new Set<string>()
  const circles: string[] = []
  const follow = (file: string, way: string[]) => {
    if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' → '))
    else if (!done.has(file)) {
      for (const { to } of edges.get(file) ?? []) follow(to, [...way, file])
      done.add(file)
    }
  }
  for (const file of edges.keys()) follow(file, [])
  expect(circles).toEqual([])
})

test('only its entry point knows about the rehearsal', () => {
  const wrong = imports.filter(({ from, to }) => product.includes(from) && to.startsWith('rehearsal/'))
  expect([...new Set(wrong.map(({ from }) => from))]).toEqual(['scripts/rehearse.ts'])
})

test('only the runner starts processes', () => {
  const spawning = /node:child_process|from 'execa'|cross-spawn/
  expect(matching(product, spawning)).toEqual(['lib/shell/spawn.ts'])
  expect(matching(product, /\bstartProcess\b/)).toEqual(['lib/shell/runner.ts', 'lib/shell/spawn.ts'])
})

test('everything printed passes through the one place that makes it safe for a terminal', () => {
  const printing = /process\.(stdout|stderr)\.write|\bconsole\.|\bstd(out|err)\s*\}\s*=\s*process/
  expect(matching(product, printing)).toEqual(['lib/util/terminal.ts'])
  // Modules that pass the stream on, or prompt on it: each makes its own text safe.
  const streams = /process\.(stdout|stderr)\b(?!\.(write|isTTY|columns|rows|on)\b)/
  expect(matching(product, streams)).toEqual(['lib/cli/prompt.ts', 'lib/logs/view.ts'])
  expect(matching(product, /from 'chalk'/)).toEqual(['lib/util/colours.ts'])
})

test('only those that act on all servers know the list; everything else takes one server from its context', () => {
  const knowing = /\w\.servers\b|\{[^}]*\bservers\b[^}]*\}: Config\b|\beachServer\(/
  expect(matching(product, knowing)).toEqual([
    'lib/checks/fromVps.ts',
    'lib/checks/perServer.ts',
    'lib/deploy/context.ts',
    'lib/deploy/lock.ts',
    'lib/deploy/remove.ts',
    'lib/deploy/rollback/tasks.ts',
    'lib/deploy/runTasks.ts',
    'lib/deploy/verify.ts',
    'lib/tasks/task.ts',
    'lib/vps/badReleases.ts',
    'lib/vps/dns/records.ts',
    'lib/vps/dns/task.ts',
    'lib/vps/frontend/switch.ts',
    'lib/vps/nginx/render.ts',
    'lib/vps/nginx/upstream.ts',
    'lib/vps/serverState.ts',
    'lib/vps/shareRules.ts',
  ])
})

test('no type assertion makes a command of something else, or silences the type checker', () => {
  expect(matching([...product, ...filesIn('rehearsal')], /\bas (?:Command|never)\b/)).toEqual([])
})

test('scripts fit on a screen, and each file has one concept', () => {
  const lines = (file: string) => texts.get(file)!.split('\n').length - 1
  const longer = (files: string[], most: number) => files.filter((file) => lines(file) > most)
  expect(longer(filesIn('scripts'), 120)).toEqual([])
  expect(longer(filesIn('lib', 'rehearsal'), 350)).toEqual([])
  expect(longer(filesIn('test'), 400)).toEqual([])
})
