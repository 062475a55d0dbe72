import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import path from 'node:path'
import { machine, median } from './figures.ts'

/**
 * How long `--help` of every script takes against bare Node. Each round measures all once, so that a busy moment hits
 * all alike; the first round fills the compile cache and does not count. Exit 1 when a script takes 2.5 × or more.
 */
const rounds = Number(process.argv[2] ?? 15)
const home = path.join(import.meta.dirname, '..')
const limit = 2.5

const scripts = globSync('scripts/**/*.ts', { cwd: home })
  .map((file) => path.basename(file).replace(/(\.mjs)?\.ts$/, ''))
  .sort()
const lines = new Map([
  ['bare Node', ['-e', '0']],
  ...scripts.map(
    (name) => [name, [path.join(home, 'bin', 'dominion.js'), name, '--help']] as [string, string[]],
  ),
])

function milliseconds(argv: string[]): number {
  const started = performance.now()
  const { status, stderr } = spawnSync(process.execPath, argv, {
    cwd: home,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`)
  return performance.now() - started
}

const times = new Map([...lines.keys()].map((name) => [name, [] as number[]]))
for (let round = 0; round <= rounds; round++) {
  for (const [name, argv] of lines) {
    const ms = milliseconds(argv)
    if (round > 0) times.get(name)!.push(ms)
  }
}
const bare = median(times.get('bare Node')!)
const rows = [...times].map(([name, all]) => ({ name, ms: median(all), ratio: median(all) / bare }))
console.log(`${machine()}, Node ${process.version}; medians of ${rounds}\n`)
console.log('| `--help` | ms | × bare Node |\n| --- | --- | --- |')
for (const { name, ms, ratio } of rows) console.log(`| ${name} | ${ms.toFixed(0)} | ${ratio.toFixed(2)} |`)
const slow = rows.filter(({ ratio }) => ratio >= limit)
if (slow.length > 0) {
  console.error(`\n${slow.map(({ name }) => name).join(', ')}: ${limit} × bare Node or more`)
  process.exitCode = 1
}
