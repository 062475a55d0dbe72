import { chmodSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../../lib/deploy/receipts/receipts.ts'
import type { ProcessResult } from '../../lib/shell/spawn.ts'
import { createAuthority } from '../../rehearsal/authority.ts'
import { judgeRecording, readRecording } from '../../rehearsal/judge/recording.ts'
import { openReplay } from '../support/replay.ts'
import { copyBackend, createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import {
  forgetRequests,
  getAzureChanges,
  listSecrets,
  queryVps,
  readReceipts,
  readTranscript,
} from '../support/system/records.ts'
import { type Rehearsal, type RunOptions, startRehearsal } from '../support/system/rehearsal.ts'

/* The ordinary way: dry run first, deploy from scratch, deploy again, and the spellings and shortcuts in between. */

interface Plan {
  ok: boolean
  changes: number
  unknown: number
  steps: { id: string; state: string; what?: string; why?: string; lines?: string[] }[]
}

const work = createWorkFolder('dominion-deploy')
let clouds: Rehearsal
let dashboard: string
let environment: string
let secrets: ReturnType<typeof listSecrets>

beforeAll(async () => {
  clouds = await startRehearsal('sys-deploy', { vpsFrom: 'bookworm' })
  secrets = listSecrets(clouds)
  dashboard = smallDashboard(work.folder)
  environment = clouds.variant('small', { DASHBOARD_DIR: dashboard })
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

/** Within the folder that is searched for secrets at the end. */
const recording = () => path.join(clouds.folder, 'state', 'recording')

async function deploy(flags: string[], options: RunOptions = {}): Promise<ProcessResult> {
  const result = await clouds.dominion(['deploy-complete', ...flags], { environment, ...options })
  secrets.said(result.stdout + result.stderr)
  return result
}

const steps = [
  ...['secrets', 'azure-login', 'lock', 'preflight', 'data-tier', 'registry', 'database', 'redis'],
  ...['migrations', 'application-role', 'image'],
  ...['backend'],
  ...['worker', 'server', 'frontend-build', 'frontend-upload', 'point-dns', 'nginx-http', 'certificate'],
  ...['nginx-https', 'frontend-switch', 'verify'],
]

test('a dry run on bare clouds lists every effect and has none', async () => {
  const before = await queryVps(
    clouds,
    'ls -R /var/www /etc/nginx /etc/letsencrypt /var/lib/codex-dominion 2>&1',
  )
  await forgetRequests(clouds)
  const { code, stdout, stderr } = await deploy(['--dry-run', '--detailed-exitcode'])
  expect(code, stdout + stderr).toBe(2)
  for (const line of [
    'az group create',
    'az deployment group create',
    'sql: 0001_councils_agents.sql',
    'az acr build',
    'az container create',
    'apt-get',
    'npm run build',
    'certbot certonly',
  ])
    expect(stdout).toContain(line)
  expect(stdout).toMatch(/\d+ to create/)
  expect(await getAzureChanges(clouds)).toEqual([])
  expect(
    await queryVps(clouds, 'ls -R /var/www /etc/nginx /etc/letsencrypt /var/lib/codex-dominion 2>&1'),
  ).toBe(before)
  expect(existsSync(path.join(dashboard, 'out'))).toBe(false)
})

test('--json prints one document with every step', async () => {
  const { code, stdout } = await deploy(['-n', '--json'])
  expect(code).toBe(0)
  const plan = JSON.parse(stdout) as Plan
  expect(plan).toMatchObject({ ok: true, dryRun: true })
  expect(plan.steps.map(({ id }) => id).sort()).toEqual([...steps].sort())
})

test('a dry run without login and network lists what is unknown, and succeeds', async () => {
  const dead = await closedPort()
  const offline = clouds.variant('offline', {
    DASHBOARD_DIR: dashboard,
    AZURE_CONFIG_DIR: path.join(work.folder, 'empty-az'),
    HTTPS_PROXY: `http://127.0.0.1:${dead}`,
    IONOS_HOST: '127.0.0.1',
    IONOS_PORT: String(dead),
    IONOS_KNOWN_HOSTS: path.join(work.folder, 'nobody-known'),
    DNS_SERVER: `127.0.0.1:${dead}`,
  })
  const { code, stdout } = await deploy(['--dry-run', '--json'], { environment: offline })
  const { steps: planned } = JSON.parse(stdout) as Plan
  expect(code).toBe(0)
  const known = planned.filter(({ state }) => state !== 'unknown').map(({ id }) => id)
  // Only what this machine knows without asking.
  expect(known).toEqual(['secrets'])
  expect(planned.find(({ id }) => id === 'azure-login')?.why).toMatch(/Not logged in/)
  expect(planned.find(({ id }) => id === 'lock')?.why).toContain('127.0.0.1')
})

test('a dry run with a login but without answers: no name resolves, the VPS is silent', async () => {
  const dead = await closedPort()
  const deaf = clouds.variant('deaf', {
    DASHBOARD_DIR: dashboard,
    IONOS_HOST: '127.0.0.1',
    IONOS_PORT: String(dead),
    DNS_SERVER: `127.0.0.1:${dead}`,
  })
  const { code, stdout } = await deploy(['--dry-run', '--detailed-exitcode'], { environment: deaf })
  expect(stdout).toMatch(/ok +Azure login[\s\S]*unknown +Data tier: .*public address/)
  expect(stdout).not.toMatch(/failed|not reached/)
  expect(code).toBe(2)
})

test('no az on the PATH: says which program and how to get it', async () => {
  const { code, stderr } = await deploy([], { env: { PATH: pathWithout('az') } })
  expect(code).toBe(3)
  expect(stderr).toMatch(/az is not installed, or not on the PATH[\s\S]*Install the Azure CLI/)
})

test('an az that is too old is refused', async () => {
  const old = path.join(work.folder, 'old-az')
  mkdirSync(old)
  writeFileSync(path.join(old, 'az'), '#!/bin/sh\necho \'{"azure-cli": "2.30.0"}\'\n')
  chmodSync(path.join(old, 'az'), 0o755)
  const { code, stderr } = await deploy([], { env: { PATH: `${old}:${process.env.PATH}` } })
  expect(code).toBe(2)
  expect(stderr).toMatch(/az 2\.30\.0 is too old[\s\S]*2\.45\.0 or newer/)
})

test('logged out: exit 4 and `az login`; nothing was changed', async () => {
  const out = clouds.variant('out', {
    DASHBOARD_DIR: dashboard,
    AZURE_CONFIG_DIR: path.join(work.folder, 'logged-out'),
  })
  await forgetRequests(clouds)
  const { code, stderr } = await deploy([], { environment: out })
  expect(code).toBe(4)
  expect(stderr).toMatch(/Not logged in to Azure[\s\S]*→ (\S+ )?az login/)
  expect(stderr).toMatch(
    /Transcript: .*\.jsonl\n {2}Resume with: npx dominion deploy-complete --env sys-deploy-out/,
  )
  expect(await getAzureChanges(clouds)).toEqual([])
  expect(await queryVps(clouds, 'command -v nginx || echo none')).toBe('none\n')
})

test('a subscription that this login cannot see: exit 2', async () => {
  const wrong = clouds.variant('wrong', {
    DASHBOARD_DIR: dashboard,
    AZURE_SUBSCRIPTION: '00000000-0000-4000-8000-000000000000',
  })
  const { code, stderr } = await deploy([], { environment: wrong })
  expect(code).toBe(2)
  expect(stderr).toMatch(/cannot see the subscription[\s\S]*AZURE_SUBSCRIPTION/)
})

test('a login that has expired: exit 4', async () => {
  await clouds.control('/faults', { name: 'token-expired' })
  const { code, stderr } = await deploy([])
  await clouds.control('/faults', { name: 'token-expired', on: false })
  expect(code).toBe(4)
  expect(stderr).toMatch(/az login/)
})

test('--quick without an image is refused before anything is created', async () => {
  await forgetRequests(clouds)
  const { code, stderr } = await deploy(['--quick'])
  expect(code).toBe(1)
  expect(stderr).toMatch(/No image to use[\s\S]*without --quick/)
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('from nothing to a verified site; the receipt says who, when, what and how long', async () => {
  const { code, stdout, stderr } = await deploy(['--json', '--record', recording()])
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(/^Recorded \d+ requests to Azure, without secrets: .*\.jsonl$/m)
  const { ok, changed, receipt } = JSON.parse(stdout) as { ok: boolean; changed: boolean; receipt: Receipt }
  expect({ ok, changed }).toEqual({ ok: true, changed: true })
  expect(receipt).toMatchObject({
    by: expect.stringMatching(/^.+@.+$/),
    line: `npx dominion deploy-complete --json --record ${recording()} --env sys-deploy-small`,
    result: 'done',
    image: expect.stringMatching(/^codexacr1216\.azurecr\.io\/codex-backend:src-[0-9a-f]{12}$/),
    digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
    revision: expect.stringMatching(/^[0-9a-f]{12}\+?$/),
    frontend: expect.stringMatching(/^\d{8}T\d{6}Z-/),
  })
  expect(Date.now() - Date.parse(receipt.started)).toBeLessThan(5 * 60_000)
  expect(receipt.seconds).toBeGreaterThan(0)
  expect(receipt.changed.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['data-tier', 'image', 'backend']),
  )
  const kept = readReceipts(clouds, environment).find(({ file }) => file.endsWith(`${receipt.id}.json`))
  expect(kept).toMatchObject({ mode: 0o600, receipt })
  const file = `/var/lib/codex-dominion/receipts/${receipt.id}.json`
  expect(JSON.parse(await queryVps(clouds, `cat ${file}`))).toEqual(receipt)
  expect(await queryVps(clouds, `stat -c %a ${file}`)).toBe('600\n')
})

test('what was recorded agrees with Microsoft’s models, and answers az in place of Azure', async () => {
  const exchanges = readRecording(recording())
  expect(judgeRecording(exchanges).findings).toEqual([])
  const secure = JSON.stringify(exchanges).match(/"(secureValue|primaryKey)":"[^"]*"/g)
  expect(new Set(secure)).toEqual(new Set(['"secureValue":"***"', '"primaryKey":"***"']))
  expect(JSON.stringify(exchanges)).not.toContain(clouds.state.servicePrincipal.subscription.id)

  const place = path.join(clouds.folder, 'state', 'provision')
  const plan = async (name: string, ...flags: string[]) => {
    const result = await clouds.dominion(['provision', '-n', '--json', ...flags], { environment: name })
    expect(result.code, result.stderr).toBe(0)
    return (JSON.parse(result.stdout) as Plan).steps
  }
  const recorded = await plan(environment, '--record', place)
  const authority = await createAuthority(path.join(work.folder, 'replay'))
  const replay = await openReplay(readRecording(place), authority)
  const replayed = clouds.variant('replay', {
    ...{ DASHBOARD_DIR: dashboard, HTTPS_PROXY: replay.proxyUrl },
    REQUESTS_CA_BUNDLE: authority.certificateFile,
  })
  expect(await plan(replayed)).toEqual(recorded)
  expect(replay.missed()).toEqual([])
  await replay.stop()
})

test('the second deploy changes nothing, with at most eight az calls', async () => {
  await forgetRequests(clouds)
  const { code, stdout, stderr } = await deploy(['--json'])
  expect(code, stderr).toBe(0)
  const { changed, receipt } = JSON.parse(stdout) as { changed: boolean; receipt: Receipt }
  expect(changed).toBe(false)
  expect(receipt.changed).toEqual([])
  expect(receipt.unchanged.sort()).toEqual([...steps].sort())
  const effects = readTranscript(clouds, receipt.id, environment)
  expect(effects.filter(({ effect }) => effect === 'change')).toEqual([])
  expect(effects.filter(({ line }) => line.startsWith('az ')).length).toBeLessThanOrEqual(8)
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('a dry run on an up-to-date deployment: --detailed-exitcode 0', async () => {
  const { code, stdout } = await deploy(['--dry-run', '--detailed-exitcode'])
  expect(stdout).toMatch(/\n22 ok\.\n$/)
  expect(code).toBe(0)
})

test('the old PowerShell spellings, in any case', async () => {
  const planned = async (...flags: string[]) => {
    const { code, stdout, stderr } = await deploy([...flags, '--dry-run', '--json'])
    expect(code, stderr).toBe(0)
    return (JSON.parse(stdout) as Plan).steps.map(({ id }) => id)
  }
  expect(await planned('-SkipAzure')).not.toContain('azure-login')
  expect(await planned('-skipionos')).not.toContain('server')
  expect(await planned('-QUICKDEPLOY')).toContain('image')
  const both = await deploy(['-SKIPAZURE', '-SkipIonos'])
  expect(both.code).toBe(2)
  expect(both.stderr).toMatch(/leave nothing to do/)
})

test('--quick uses the newest image and says why nothing is rebuilt', async () => {
  const changed = copyBackend(work.folder, 'changed-backend', {
    'dominion/app.py': (text) => `${text}\n# changed\n`,
  })
  const other = clouds.variant('quick', { DASHBOARD_DIR: dashboard, BACKEND_DIR: changed })
  const { code, stderr } = await deploy(['--quick', '--skip-ionos'], { environment: other })
  expect(code, stderr).toBe(0)
  expect(stderr).toMatch(
    /Backend image: ok, --quick: codex-backend:src-[0-9a-f]{12} of .* UTC, the newest available; the local sources \(src-[0-9a-f]{12}\) are not built/,
  )
})

test('an unknown flag suggests the nearest known one', async () => {
  const { code, stderr } = await deploy(['--skip-azur'])
  expect(code).toBe(2)
  expect(stderr).toMatch(/--skip-azur\b[\s\S]*--skip-azure/)
})

test('no secret in anything that was printed, stored or passed as an argument', () => {
  expect(secrets.seen()).toEqual([])
})

/** A port of 127.0.0.1 that nothing listens on. */
async function closedPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** A PATH with what a run needs except this program. */
function pathWithout(program: string): string {
  const folder = path.join(work.folder, `without-${program}`)
  mkdirSync(folder)
  for (const each of ['node', 'npm', 'git', 'sh', 'env'])
    for (const place of (process.env.PATH ?? '').split(':'))
      if (existsSync(path.join(place, each)) && !existsSync(path.join(folder, each)))
        symlinkSync(path.join(place, each), path.join(folder, each))
  return folder
}
