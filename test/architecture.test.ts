import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'

const home = path.join(import.meta.dirname, '..')

/** The rooms of docs/architecture.md from the general to the specific, each with those it may import from. */
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

function files(folder: string): string[] {
  return readdirSync(path.join(home, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => path.posix.join(folder, name.replaceAll(path.sep, '/')))
}

/** Every project file that a file imports, types included. */
function imports(file: string): string[] {
  const text = readFileSync(path.join(home, file), 'utf8')
  const found = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+)'/g)].map((match) => match[1]!)
  return found.map((each) => path.posix.join(path.posix.dirname(file), each))
}

test('imports in lib run one way', () => {
  const wrong = files('lib').flatMap((file) => {
    const room = file.split('/')[1]!
    return imports(file)
      .filter((target) => target.startsWith('lib/'))
      .filter((target) => target.split('/')[1] !== room && !below[room]?.includes(target.split('/')[1]!))
      .map((target) => `${file} → ${target}`)
  })
  expect(wrong).toEqual([])
})

test('nothing but its front door knows the rehearsal', () => {
  const wrong = [...files('lib'), ...files('scripts')].filter(
    (file) =>
      file !== 'scripts/rehearse.ts' && imports(file).some((target) => target.startsWith('rehearsal/')),
  )
  expect(wrong).toEqual([])
})

test('only the runner starts processes', () => {
  const wrong = [...files('lib'), ...files('scripts')].filter((file) =>
    /node:child_process|from 'execa'|import\('cross-spawn'\)|from 'cross-spawn'/.test(
      readFileSync(path.join(home, file), 'utf8'),
    ),
  )
  expect(wrong).toEqual(['lib/shell/spawn.ts'])
  const starters = [...files('lib'), ...files('scripts')].filter((file) =>
    /\bstartProcess\b/.test(readFileSync(path.join(home, file), 'utf8')),
  )
  expect(starters.sort()).toEqual(['lib/shell/runner.ts', 'lib/shell/spawn.ts'])
})

test('whatever is printed passes the one place that makes it safe for a terminal', () => {
  const printing = [...files('lib'), ...files('scripts')].filter((file) =>
    /process\.(stdout|stderr)\.write|\bconsole\.|\bstd(out|err)\s*\}\s*=\s*process/.test(
      readFileSync(path.join(home, file), 'utf8'),
    ),
  )
  expect(printing).toEqual(['lib/util/terminal.ts'])
  // Who hands the stream on, or asks on it: each makes its text safe itself.
  const streams = [...files('lib'), ...files('scripts')].filter((file) =>
    /process\.(stdout|stderr)\b(?!\.(write|isTTY|columns|rows|on)\b)/.test(
      readFileSync(path.join(home, file), 'utf8'),
    ),
  )
  expect(streams).toEqual(['lib/cli/prompt.ts', 'lib/logs/view.ts'])
  const styled = [...files('lib'), ...files('scripts')].filter((file) =>
    /from 'chalk'/.test(readFileSync(path.join(home, file), 'utf8')),
  )
  expect(styled).toEqual(['lib/util/colours.ts'])
})

test('a script is about a screen, a file knows one thing', () => {
  const long = (list: string[], most: number) =>
    list.filter((file) => readFileSync(path.join(home, file), 'utf8').split('\n').length > most)
  expect(long(files('scripts'), 100)).toEqual([])
  expect(long([...files('lib'), ...files('rehearsal'), ...files('test')], 400)).toEqual([])
})
