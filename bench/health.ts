import { spawnSync } from 'node:child_process'
import path from 'node:path'
import type { Report } from '../lib/monitoring/report.ts'
import { describeMachine, median, undisturbed } from './figures.ts'
import { assertMachine } from './needs.ts'

/**
 * How long `health --quick` takes beyond its slowest check, relative to the start of bare Node. It runs against a kept
 * rehearsal: `npm run rehearse -- --name bench --keep`, then `bench/health.ts bench [rounds]`. Each round measures
 * both, one after the other; the first fills the compile cache and does not count. Exit 1 above 4 ×.
 */
const [name = 'rehearsal', rounds = '15'] = process.argv.slice(2)
const home = path.join(import.meta.dirname, '..')
const limit = 4

function timed(argv: string[]): { ms: number; stdout: string } {
  const started = performance.now()
  const { status, stdout, stderr } = spawnSync(process.execPath, argv, { cwd: home, encoding: 'utf8' })
  if (status === null || status > 1) throw new Error(`${argv.join(' ')} ended with ${status}: ${stderr}`)
  return { ms: performance.now() - started, stdout }
}

await assertMachine({ rehearsal: name })
const line = [path.join(home, 'bin', 'dominion.js'), 'health', '--env', name, '--quick', '--json']
const times: { bare: number; wall: number; slowest: number }[] = []
await undisturbed(async () => {
  for (let round = 0; round <= Number(rounds); round++) {
    const bare = timed(['-e', '0']).ms
    const { ms: wall, stdout } = timed(line)
    const { observations } = JSON.parse(stdout) as Report
    const slowest = Math.max(...observations.map(({ took }) => took))
    if (round > 0) times.push({ bare, wall, slowest })
  }
})
const of = (value: (time: (typeof times)[number]) => number) => median(times.map(value))
const ratio = of(({ wall, slowest }) => wall - slowest) / of(({ bare }) => bare)
console.log(`${describeMachine()}, Node ${process.version}; medians of ${rounds}\n`)
console.log('| `health --quick` | ms |\n| --- | --- |')
console.log(`| bare Node | ${of(({ bare }) => bare).toFixed(0)} |`)
console.log(`| the whole run | ${of(({ wall }) => wall).toFixed(0)} |`)
console.log(`| its slowest check | ${of(({ slowest }) => slowest).toFixed(0)} |`)
console.log(`| beyond it, × bare Node | ${ratio.toFixed(2)} |`)
if (ratio > limit) {
  console.error(`\nmore than ${limit} × bare Node`)
  process.exitCode = 1
}
