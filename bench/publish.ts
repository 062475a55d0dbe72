import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Receipt } from '../lib/deploy/receipts/receipts.ts'
import { startProcess } from '../lib/shell/spawn.ts'
import { rehearsalPackages } from '../rehearsal/packages.ts'
import { type Relay, startRelay } from '../rehearsal/relay.ts'
import { type Rehearsal, startRehearsal } from '../test/support/system/rehearsal.ts'
import { ssh } from '../test/support/system/site.ts'
import { describeMachine, median, undisturbed } from './figures.ts'
import { assertMachine } from './needs.ts'

/**
 * Compares publish-frontend with rsync (in place, and into a release followed by a switch) and with `scp -r`, to the
 * VPS of a rehearsal over a connection of 40 ms (round trip) and 50 Mbit/s: first to an empty folder, then with one
 * page changed. The export is the real dashboard's. Needs root, and rsync on this machine; it installs rsync on the
 * VPS. Arguments: rounds (3), and `no-scp` to omit scp.
 */
const rounds = Number(process.argv[2] ?? 3)
const withScp = process.argv[3] !== 'no-scp'
const home = path.join(import.meta.dirname, '..')
const original = path.join(home, 'examples', 'codex-dominion', 'dashboard-app')
const site = '/var/www/codexdominion.app'
const changedPage = path.join('app', '(console)', 'agents', 'page.tsx')

interface Bench {
  clouds: Rehearsal
  relay: Relay
  /** Publishes through the relay. */
  environment: string
  /** Publishes past the relay to another folder; used to build the export beforehand. */
  building: string
  dashboard: string
  /** Options of ssh for the relay. */
  ssh: string[]
}

const run = async (argv: string[]): Promise<number> => {
  const started = performance.now()
  const { code, stderr } = await startProcess(argv, {
    env: process.env,
    timeoutMs: 10 * 60_000,
    signal: new AbortController().signal,
  })
  if (code !== 0) throw new Error(`${argv.join(' ')} ended with ${code}: ${stderr}`)
  return performance.now() - started
}

async function build({ clouds, building }: Bench): Promise<void> {
  const { code, stderr } = await clouds.dominion(['publish-frontend'], { environment: building })
  if (code !== 0) throw new Error(stderr)
}

/** The script as an operator runs it; the export already exists, as for the other tools. */
async function publish({ clouds, environment }: Bench): Promise<{ whole: number; steps: number }> {
  const started = performance.now()
  const { code, stdout, stderr } = await clouds.dominion(['publish-frontend', '--json'], { environment })
  const whole = performance.now() - started
  if (code !== 0) throw new Error(stderr)
  const { changed } = (JSON.parse(stdout) as { receipt: Receipt }).receipt
  const of = (id: string) => (changed.find((step) => step.id === id)?.seconds ?? 0) * 1000
  if (of('frontend-build') > 0) throw new Error('the export was not built before')
  return { whole, steps: of('frontend-upload') + of('frontend-switch') }
}

const rsync = ({ ssh, dashboard }: Bench): Promise<number> =>
  run([
    ...['rsync', '-az', '--delete', '-e', ['ssh', ...ssh].join(' ')],
    ...[`${dashboard}/out/`, 'root@127.0.0.1:/srv/rsync/live/'],
  ])

/**
 * What makes rsync atomic as well: hard links for unchanged files (compared by content, because a build changes all
 * times), and a swap.
 */
async function rsyncRelease({ ssh, dashboard }: Bench): Promise<number> {
  const id = Date.now()
  const copied = await run([
    ...['rsync', '-azc', '--link-dest=/srv/rsync/current/', '-e', ['ssh', ...ssh].join(' ')],
    ...[`${dashboard}/out/`, `root@127.0.0.1:/srv/rsync/${id}/`],
  ])
  const swap = `ln -s ${id} /srv/rsync/new && mv -T /srv/rsync/new /srv/rsync/current`
  return copied + (await run(['ssh', ...ssh, 'root@127.0.0.1', swap]))
}

async function scp({ ssh, dashboard }: Bench): Promise<number> {
  const entries = readdirSync(path.join(dashboard, 'out')).map((name) => path.join(dashboard, 'out', name))
  return run([
    'scp',
    '-r',
    '-q',
    ...ssh.map((word) => (word === '-p' ? '-P' : word)),
    ...entries,
    'root@127.0.0.1:/srv/scp/',
  ])
}

type Figures = Record<'whole' | 'steps' | 'rsync' | 'release' | 'scp', number[]>
const none = (): Figures => ({ whole: [], steps: [], rsync: [], release: [], scp: [] })

/** One round of everything that is compared; scp only on request, because it takes more than a minute. */
async function measure(bench: Bench, figures: Figures, scpToo: boolean): Promise<void> {
  await build(bench)
  await undisturbed(async () => {
    const { whole, steps } = await publish(bench)
    figures.whole.push(whole)
    figures.steps.push(steps)
    figures.rsync.push(await rsync(bench))
    figures.release.push(await rsyncRelease(bench))
  })
  if (scpToo) figures.scp.push(await scp(bench))
  const last = (name: keyof Figures) => `${name} ${figures[name].at(-1)?.toFixed(0)} ms`
  console.error([last('whole'), last('rsync'), last('release')].join(', '))
}

async function prepare(folder: string): Promise<Bench> {
  const dashboard = path.join(folder, 'dashboard-app')
  cpSync(original, dashboard, {
    recursive: true,
    filter: (file) => !/[/\\](node_modules|\.next|out)$/.test(file),
  })
  const clouds = await startRehearsal('bench')
  const relay = await startRelay({ host: clouds.state.vps, port: 22 }, { delayMs: 20, rate: 50e6 / 8 })
  const knownHosts = path.join(folder, 'known_hosts')
  const keys = readFileSync(path.join(clouds.folder, 'known_hosts'), 'utf8')
  writeFileSync(knownHosts, keys.replaceAll(/^\S+/gm, `[127.0.0.1]:${relay.port}`))
  const environment = clouds.variant('wan', {
    DASHBOARD_DIR: dashboard,
    IONOS_HOST: '127.0.0.1',
    IONOS_PORT: String(relay.port),
    IONOS_PUBLIC_IP: clouds.state.vps,
    IONOS_KNOWN_HOSTS: knownHosts,
  })
  const building = clouds.variant('building', { DASHBOARD_DIR: dashboard, WEB_ROOT: '/srv/building' })
  const ssh = [
    ...['-p', String(relay.port), '-i', path.join(clouds.folder, 'id_ed25519')],
    ...['-o', `UserKnownHostsFile=${knownHosts}`, '-o', 'BatchMode=yes'],
  ]
  return { clouds, relay, environment, building, dashboard, ssh }
}

await assertMachine({ packages: [...rehearsalPackages, 'rsync'] })
// The first build installs the dashboard's packages in the copy.
const folder = mkdtempSync(path.join(tmpdir(), 'dominion-bench-publish-'))
process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
const bench = await prepare(folder)
try {
  const { clouds } = bench
  await ssh(
    clouds,
    'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends rsync',
  )
  const set = await clouds.dominion(['setup-server'], { environment: bench.environment })
  if (set.code !== 0) throw new Error(set.stderr)
  await build(bench)
  await publish(bench) // fills caches on both ends
  const [cold, changed] = [none(), none()]
  for (let round = 0; round < rounds; round++) {
    await ssh(
      clouds,
      `rm -rf ${site}/releases/* ${site}/current ${site}/previous /srv/rsync /srv/scp && mkdir -p /srv/rsync/live /srv/scp`,
    )
    await measure(bench, cold, withScp && round === 0)
  }
  const page = path.join(bench.dashboard, changedPage)
  for (let round = 0; round < rounds; round++) {
    writeFileSync(
      page,
      readFileSync(page, 'utf8').replace(/title: '[^']*'/, `title: 'Agents, round ${round}'`),
    )
    await measure(bench, changed, withScp && round === 0)
  }
  report(cold, changed)
} finally {
  await bench.relay.stop()
  await bench.clouds.down()
}

function report(cold: Figures, changed: Figures): void {
  const row = (name: string, pick: keyof Figures) => {
    const cells = [cold, changed].flatMap((figures) => {
      // Ratios within each round: a busy moment affects everything that is measured in it.
      const ratios = figures[pick].map((ms, round) => figures.whole[round]! / ms)
      return [median(figures[pick]).toFixed(0), pick === 'steps' ? '' : median(ratios).toFixed(2)]
    })
    console.log(`| ${name} | ${cells.join(' | ')} |`)
  }
  console.log(`${describeMachine()}; 40 ms, 50 Mbit/s; medians of ${rounds}${withScp ? ', scp once' : ''}\n`)
  console.log(
    '| | cold, ms | the script takes × | one page changed, ms | the script takes × |\n| --- | --- | --- | --- | --- |',
  )
  row('`publish-frontend`, the whole script', 'whole')
  row('of which: upload and switch', 'steps')
  row('`rsync -az --delete`, in place', 'rsync')
  row('`rsync -azc --link-dest` into a release, then swapped', 'release')
  if (withScp) row('`scp -r`, in place', 'scp')
}
