import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { holdArgv } from '../../lib/deploy/lock.ts'
import { quoteLine } from '../../lib/shell/quote.ts'
import { startProcess } from '../../lib/shell/spawn.ts'
import { mapLimit } from '../../lib/util/concurrency.ts'
import { createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import {
  forgetRequests,
  getAzureChanges,
  queryVps,
  readTranscript,
  stateFolder,
} from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'

/*
 * Every script of the day-two tasks under every fault: a message that names the subject and the next step, the right
 * exit code, and nothing changed. Read-only scripts show what they could reach.
 */

const folder = path.join(import.meta.dirname, '..', '..', 'scripts', 'maintenance')
/** Faults of the health checks have their own tests. */
const elsewhere = ['health', 'schedule', 'slo', 'status-page']

const work = createWorkFolder('dominion-matrix')
let clouds: Rehearsal
let dump: string
let before: { vps: string }

/** An environment for each fault, active for all scripts at once and for as long as the file runs. */
const environments: Record<string, Record<string, string>> = {
  azure: { HTTPS_PROXY: 'http://127.0.0.1:1' },
  vps: { IONOS_PORT: '1' },
  out: { AZURE_CONFIG_DIR: path.join(work.folder, 'nobody') },
  key: { IONOS_SSH_KEY: path.join(work.folder, 'key') },
  gone: {
    AZURE_RESOURCE_GROUP: 'nothing-prod',
    POSTGRES_SERVER: 'nothing-db',
    REDIS_NAME: 'nothing-redis',
    ACR_NAME: 'nothingacr',
  },
  well: {},
}

beforeAll(async () => {
  clouds = await startRehearsal('sys-matrix')
  const common = { DASHBOARD_DIR: smallDashboard(work.folder) }
  for (const [name, values] of Object.entries(environments)) clouds.variant(name, { ...common, ...values })
  await local(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', path.join(work.folder, 'key')])
  const deployed = await run('well', ['deploy-complete'])
  expect(deployed.code, deployed.stderr).toBe(0)
  const backup = await run('well', ['backup-database', '--to', work.folder])
  expect(backup.code, backup.stderr).toBe(0)
  dump = path.join(work.folder, readdirSync(work.folder).find((name) => name.endsWith('.dump'))!)
  await forgetRequests(clouds)
  before = { vps: await face() }
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const local = (argv: string[]) =>
  startProcess(argv, { env: process.env, timeoutMs: 20_000, signal: AbortSignal.timeout(20_000) })
const run = (environment: string, args: string[]) =>
  clouds.dominion(args, { environment: `sys-matrix-${environment}` })

/** Everything that the deploy created on the VPS; neither this tool's own records nor what the site itself writes. */
const face = () =>
  queryVps(
    clouds,
    "find /var/www /etc/nginx /etc/letsencrypt /var/lib/codex-dominion -path '*/receipts' -prune -o -printf '%p %T@ %l\\n' | sort",
  )

interface Row {
  /** Words of the line; DUMP stands for a backup. */
  line: string
  code: number
  /** Expected on stderr: the subject, and what to do. */
  says?: RegExp[]
  /** Expected on stdout: the result, as far as it could be determined. */
  shows?: RegExp[]
}
const row = (line: string, code: number, says: RegExp[] = [], shows: RegExp[] = []): Row => ({
  ...{ line, code, says, shows },
})

/** These take the deploy lock and would block each other. */
const takesLock = /^(restart|update|rollback (front|back)|scale|maintenance-mode o|restore|remove)/

/** Runs the rows three at a time and returns those that differ from what is expected, with their output. */
async function wrong(environment: string, rows: readonly Row[], takers = 1): Promise<string[]> {
  const runRow = (each: Row) => getWrong(environment, each)
  const found = await Promise.all([
    mapLimit(
      takers,
      rows.filter(({ line }) => takesLock.test(line)),
      runRow,
    ),
    mapLimit(
      3 - takers,
      rows.filter(({ line }) => !takesLock.test(line)),
      runRow,
    ),
  ])
  return found.flat(2)
}

/** Text that no operator should have to read. */
const raw = /Traceback|HTTPSConnectionPool|\bat .*\.ts:\d+|\[object Object\]|\bundefined\b/

async function getWrong(environment: string, { line, code, says = [], shows = [] }: Row): Promise<string[]> {
  const { stdout, stderr, ...done } = await run(
    environment,
    line.split(' ').map((word) => (word === 'DUMP' ? dump : word)),
  )
  const faults = [
    ...(done.code === code ? [] : [`exit ${done.code}, not ${code}`]),
    ...says.filter((words) => !words.test(stderr)).map((words) => `does not say ${words}`),
    ...shows.filter((words) => !words.test(stdout)).map((words) => `does not show ${words}`),
    ...(raw.test(stdout + stderr) ? [`must not say ${raw.exec(stdout + stderr)}`] : []),
    ...(code === 0 || stdout !== '' || stderr.includes('→ ') ? [] : ['does not say what to do']),
  ]
  return faults.length === 0
    ? []
    : [`${environment}: ${line}: ${faults.join('; ')}\n${stdout}\n--\n${stderr}`]
}

const noAzure = /Azure cannot be reached from here/
const noVps = /The VPS \S+ cannot be reached on port 1: nothing listens/
const noLogin = /Not logged in to Azure/
const noKey = /accepted none of the keys tried for root/

const faults: Record<string, Row[]> = {
  azure: [
    row('view-logs', 3, [noAzure], [/ access /]),
    row('restart-containers', 3, [noAzure, /→ Check the network/]),
    row('check-database', 3, [], [/OK +Connection/, /UNKNOWN +\S.*Azure cannot be reached/]),
    row('update-backend', 3, [noAzure, /→ Check the network/]),
    row('rollback backend', 3, [noAzure]),
    row(
      'rollback --list',
      3,
      [],
      [/Frontend release[\s\S]*live/, /Unknown: backend: Azure cannot be reached/],
    ),
    row('scale backend --cpu 1 --yes', 3, [noAzure]),
    row('metrics', 3, [noAzure]),
    row('doctor', 3, [], [/OK +vps +/, /UNKNOWN .*Azure cannot be reached/]),
    row('remove --confirm=codexdominion.app', 3, [noAzure]),
  ],
  vps: [
    row('view-logs', 3, [noVps], [/ backend /]),
    row('restart-containers --dry-run', 0, [], [/The VPS \S+ cannot be reached/, /az container restart/]),
    row('update-frontend', 3, [noVps, /IONOS_HOST/]),
    row('update-backend', 3, [noVps]),
    row('rollback frontend', 3, [noVps]),
    row('rollback --list', 3, [], [/Backend image[\s\S]*live/, /Unknown: frontend: The VPS/]),
    row('scale backend --cpu 1 --yes', 3, [noVps]),
    row('doctor', 3, [], [/OK +login +/, /UNKNOWN .*VPS/]),
    row('history', 3, [], [/The VPS \S+ cannot be reached/]),
    row('unlock', 3, [noVps]),
    row('maintenance-mode on', 3, [noVps]),
    row('maintenance-mode status', 3, [], [/cannot be reached/]),
    row('remove --confirm=codexdominion.app', 3, [noVps]),
  ],
  out: [
    row('view-logs', 4, [noLogin, /→ (\S+ )?az login/], [/ access /]),
    row('restart-containers', 4, [noLogin, /→ (\S+ )?az login/]),
    row('check-database', 4, [], [/OK +Connection/, /UNKNOWN .*Not logged in/]),
    row('update-backend', 4, [noLogin, /→ (\S+ )?az login/]),
    row('rollback backend', 4, [noLogin]),
    row('rollback --list', 4, [], [/Frontend release[\s\S]*live/, /Unknown: backend: Not logged in/]),
    row('scale backend --cpu 1 --yes', 4, [noLogin]),
    row('metrics', 4, [noLogin, /→ (\S+ )?az login/]),
    row('doctor', 1, [], [/OK +vps +/, /CRITICAL +login .*Not logged in/]),
    row('remove --confirm=codexdominion.app', 4, [noLogin]),
  ],
  key: [
    row('view-logs', 4, [noKey], [/ backend /]),
    row('update-frontend', 4, [noKey, /→ Add the public key/]),
    row('rollback frontend', 4, [noKey]),
    row('history', 4, [], [noKey]),
    row('unlock', 4, [noKey]),
    row('maintenance-mode off', 4, [noKey]),
  ],
  gone: [
    row('view-logs', 1, [/codex-backend/], [/ access /]),
    row('restart-containers', 1, [/Container group codex-backend not found|nothing-prod/]),
    row('check-database', 1, [], [/nothing-db/]),
    row('update-backend', 1, [/nothingacr/]),
    row('rollback backend', 1, [/nothing/]),
    row('scale backend --cpu 1 --yes', 1, [/does not exist, so it cannot be scaled/]),
    row('metrics', 1, [/The resource group nothing-prod has no container groups/, /→ Deploy first/]),
    row('backup-database', 3, [/nothing-db\S* has no address/, /→ Check whether it has been created/]),
    row('restore-database DUMP --into elsewhere', 3, [/nothing-db\S* has no address/]),
  ],
  well: [
    row('view-logs --only bakend', 2, [/bakend.*did you mean backend/]),
    row('view-logs --lines 0', 2, [/--lines/]),
    row('restart-containers --only web', 2, [/--only must be backend or worker, not web/]),
    row('check-database --all', 2, [/--all/]),
    row('update-frontend --all', 2, [/--all/]),
    row('update-backend --inplace', 2, [/--inplace/, /--in-place/]),
    row('rollback fronted', 2, [/part must be frontend or backend, not fronted/]),
    row('rollback --list --why=so', 2, [/--why/]),
    row('rollback frontend --to nope', 2, [/nope/]),
    row('scale frontend --cpu 1', 2, [/part must be backend or worker, not frontend/]),
    row('scale backend --cpu 1', 2, [/no terminal to prompt on/, /Add --yes/]),
    row('metrics --since tomorrowish', 2, [/tomorrowish/]),
    row('cost --offlin', 2, [/--offline/]),
    row('api-token --show', 2, [/--show/]),
    row('backup-database --prove /nosuch.dump', 2, [/\/nosuch\.dump/]),
    row('restore-database /nosuch.dump --into elsewhere', 2, [/\/nosuch\.dump/]),
    row('restore-database', 2, [/<file>|which backup|file/i]),
    row('restore-database DUMP --into 1st', 2, [/1st is not a valid database name/]),
    row('restore-database DUMP --into codexdb', 2, [/no terminal to prompt on/, /--confirm=codexdb/]),
    row('doctor --only toolz', 2, [/did you mean tools/]),
    row('history --show nope', 2, [/nope/]),
    row('history --show nope --lines 3', 2, [/--lines/]),
    row('unlock --force', 2, [/--force/]),
    row('maintenance-mode onn', 2, [/onn/, /on, off or status/]),
    row('maintenance-mode on --until yesterday', 2, [/yesterday/]),
    row('remove', 2, [/no terminal to prompt on/, /--confirm=codexdominion\.app/]),
    row('remove --confirm=codexdominion.ap', 2, [/does not name/]),
  ],
}

const locked = /Locked: tester@\S+ has been running "npx dominion deploy-complete" since/
const lockedRows = [
  row('update-frontend', 5, [locked, /→ .*unlock --env sys-matrix-well/]),
  row('update-backend', 5, [locked]),
  row('restart-containers', 5, [locked]),
  row('rollback frontend', 5, [locked]),
  row('rollback backend', 5, [locked]),
  row('scale backend --cpu 1 --yes', 5, [locked]),
  row('scale backend --cpu 1', 5, [locked]),
  row('maintenance-mode on', 5, [locked]),
  row('restore-database DUMP --into elsewhere', 5, [locked]),
  row('remove', 5, [locked]),
  row('unlock', 2, [/tester@/, /no terminal to prompt on/, /Add --yes/]),
  row('history', 0, [], [/deploy-complete/]),
]

test('every script of the day-two tasks is in the table', () => {
  const named = new Set(
    [...Object.values(faults).flat(), ...lockedRows].map(({ line }) => line.split(' ')[0]),
  )
  const scripts = readdirSync(folder).map((file) => path.basename(file, '.ts'))
  expect(scripts.filter((name) => !named.has(name) && !elsewhere.includes(name))).toEqual([])
})

test.each(Object.entries(faults))('%s', async (environment, rows) => {
  expect(await wrong(environment, rows)).toEqual([])
})

/** Holds the deploy lock as another machine's deploy would. */
async function holdLock(): Promise<() => Promise<unknown>> {
  const about = { by: 'tester@elsewhere', what: 'npx dominion deploy-complete', id: 'another' }
  const holder = JSON.stringify({ ...about, since: new Date().toISOString() })
  const files = [
    '-i',
    path.join(clouds.folder, 'id_ed25519'),
    '-o',
    'BatchMode=yes',
    '-o',
    'IdentitiesOnly=yes',
  ]
  const known = ['-o', `UserKnownHostsFile=${path.join(clouds.folder, 'known_hosts')}`]
  const line = quoteLine(holdArgv('/run/codex-dominion/deploy.lock', holder, 600))
  const child = spawn('ssh', [...files, ...known, `root@${clouds.state.vps}`, line], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const [said] = (await once(child.stdout, 'data')) as [Buffer]
  expect(String(said)).toBe('held\n')
  return () => {
    child.stdin.end()
    return ended
  }
}

test('the lock is held by somebody else', async () => {
  const release = await holdLock()
  const found = await wrong('well', lockedRows, 2)
  await release()
  expect(found).toEqual([])
})

test('a missing environment', async () => {
  const { code, stderr } = await clouds.dominion(['history'], { environment: 'sys-matrix-nobody' })
  expect(code).toBe(2)
  expect(stderr).toMatch(/\.env\.sys-matrix-nobody not found/)
})

test('none of this has changed anything', async () => {
  expect(await getAzureChanges(clouds)).toEqual([])
  expect(await face()).toBe(before.vps)
  const changed = Object.keys(environments)
    .map((name) => `sys-matrix-${name}`)
    .flatMap((name) =>
      readdirSync(path.join(stateFolder(clouds, name), 'transcripts'))
        .filter((file) => !/-(deploy-complete|backup-database)-/.test(file))
        .flatMap((file) => readTranscript(clouds, path.basename(file, '.jsonl'), name)),
    )
    .filter(({ effect }) => effect === 'change')
  expect(changed).toEqual([])
})
