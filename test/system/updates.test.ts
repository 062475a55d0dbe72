import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ProcessResult, startProcess } from '../../lib/shell/spawn.ts'
import { copyBackend, createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { steadyLoad } from '../support/system/load.ts'
import { forgetRequests, getAzureChanges } from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { createVisitor, getBackendHost, ssh } from '../support/system/site.ts'

/* The backend is updated and restarted while visitors read the site. */

const work = createWorkFolder('dominion-updates')
let clouds: Rehearsal
let common: Record<string, string>
let good: string
let first: string

beforeAll(async () => {
  clouds = await startRehearsal('sys-updates')
  common = { DASHBOARD_DIR: smallDashboard(work.folder) }
  good = clouds.variant('good', common)
  const done = await clouds.dominion(['deploy-complete'], { environment: good })
  expect(done.code, done.stderr).toBe(0)
  first = await served()
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const run = (script: string, environment: string, ...flags: string[]): Promise<ProcessResult> =>
  clouds.dominion([script, ...flags], { environment })

/** The release that /api/ is routed to, as the site itself reports it. */
async function served(): Promise<string> {
  const { status, body } = await createVisitor(clouds)('/_dominion/health')
  expect(status, body).toBe(200)
  return (JSON.parse(body) as { release: string }).release
}

const getApiStatus = async (): Promise<number> => (await createVisitor(clouds)('/api/workflows')).status

async function groups(): Promise<string[]> {
  const answer = await fetch(`${clouds.state.controlUrl}/resources`)
  const { resources } = (await answer.json()) as { resources: { id: string }[] }
  return resources.flatMap(({ id }) => /containerGroups\/(.+)$/.exec(id)?.[1] ?? []).sort()
}

/** The tag of the image that a group runs, as az reports it. */
async function getImage(name: string): Promise<string | undefined> {
  const args = ['container', 'show', '--resource-group', clouds.config.azure.resourceGroup, '--name', name]
  const { code, stdout, stderr } = await startProcess(
    ['az', ...args, '--query', 'containers[0].image', '--output', 'tsv'],
    {
      env: { ...process.env, ...clouds.config.network.azEnvironment },
      timeoutMs: 60_000,
      signal: AbortSignal.timeout(60_000),
    },
  )
  expect(code, stderr).toBe(0)
  return stdout.trim().split(':')[1]
}

const marks = () => ssh(clouds, 'cat /var/lib/codex-dominion/bad/backend/* 2>/dev/null || true')

async function underLoad(script: string, environment: string, ...flags: string[]) {
  const load = steadyLoad(clouds.config)
  const result = await run(script, environment, ...flags)
  const seen = await load.stop()
  const requests = seen.answered + seen.failed.length
  console.log(`${script}: ${requests} requests, ${seen.failed.length} failed, longest ${seen.longestMs} ms`)
  return { ...result, load: seen }
}

/** An environment whose backend is the example's with changes. */
const changed = (name: string, file: string, edit: (text: string) => string, more = {}): string =>
  clouds.variant(name, {
    ...common,
    BACKEND_DIR: copyBackend(work.folder, name, { [file]: edit }),
    ...more,
  })

test('a backend that never becomes healthy: no request fails, exit 1, its log is shown, the old one serves', async () => {
  const crashing = changed(
    'crashing',
    'dominion/app.py',
    (text) => `${text}\nraise RuntimeError('no stars')\n`,
  )
  const { code, stderr, load } = await underLoad('update-backend', crashing)
  expect(code).toBe(1)
  expect(stderr).toMatch(/│ .*no stars/)
  expect(stderr.match(/^ {2}│ /gm)!.length).toBeLessThanOrEqual(50)
  expect(stderr).toContain(`${first} is serving again`)
  expect([load.failed, load.answered > 50]).toEqual([[], true])
  expect([await served(), await groups()]).toEqual([first, ['codex-backend', 'codex-worker']])
  expect(await marks()).toContain('keeps crashing')
})

test('healthy, but the API fails through the site: nginx is switched back, the new group removed, its log shown', async () => {
  const faulty = changed('faulty', 'dominion/api/agents.py', (text) =>
    text.replace('ORDER BY a.name', 'ORDER BY a.nothing'),
  )
  const { code, stderr } = await run('update-backend', faulty)
  expect(code).toBe(1)
  expect(stderr).toMatch(/checks through the site failed with src-/)
  expect(stderr).toMatch(/│ api-agents: \/api\/agents answers 503/)
  expect(stderr).toMatch(/│ last lines of codex-backend-next:/)
  expect([await served(), await groups()]).toEqual([first, ['codex-backend', 'codex-worker']])
})

test('workers that exit while gunicorn listens: exit 1 in each script, their last output, the old one serves, marked', async () => {
  const heartless = changed(
    'heartless',
    'dominion/app.py',
    // The pause keeps gunicorn, which starts another worker at once, from taking a whole processor.
    (text) => `${text}\nimport time\ntime.sleep(1)\nraise SystemExit('no heart')\n`,
    { HEALTHY_WITHIN_SECONDS: '15' },
  )
  const before = await served()
  for (const script of ['update-backend', 'release-containers']) {
    const { code, stderr } = await run(script, heartless)
    expect(code, `${script}: ${stderr}`).toBe(1)
    expect(stderr).toMatch(
      /did not become healthy within 15 s: .*; (its workers keep exiting|it accepts connections)/,
    )
    expect(stderr).toMatch(/│ .*no heart/)
    expect(await served()).toBe(before)
    if (script === 'update-backend') expect(stderr).toMatch(/is serving again; src-\w+ is marked as bad/)
  }
  expect(await marks()).toMatch(/its workers keep exiting|it accepts connections/)
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
})

test('a marked image: --quick skips it, its own sources release it with a warning, unreadable marks stop --quick', async () => {
  const getLine = ({ stdout }: ProcessResult, title: string) =>
    stdout.split('\n').find((line) => line.includes(title)) ?? stdout
  const quick = await run('release-containers', good, '--quick', '--dry-run')
  expect(getLine(quick, 'Backend image')).toMatch(
    new RegExp(`codex-backend:${first} .*; marked as bad: src-\\w+ \\(.*\\), src-\\w+ \\(`),
  )
  const itself = await run('release-containers', 'sys-updates-faulty', '--dry-run')
  expect(getLine(itself, 'Backend image')).toMatch(
    /is marked as bad \(.* checks .* failed with src-.*but will be released/,
  )
  const deaf = clouds.variant('deaf', { ...common, IONOS_HOST: '127.0.0.1' })
  await forgetRequests(clouds)
  const stopped = await run('release-containers', deaf, '--quick')
  expect(stopped.code, stopped.stderr).toBe(3)
  expect(stopped.stderr).toContain('Could not read which images are marked as bad, so --quick selects none')
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('an update of an older release under a steady load: no request fails, and the new release serves under its new name', async () => {
  const newer = changed('newer', 'dominion/app.py', (text) => `${text}\n# newer\n`)
  // As an older release left it: the label has no scope, so that the host name has no hash.
  await clouds.control('/containers/codex-backend/scope', { scope: 'Unsecure' })
  const to = 'set $backend codex-api.eastus.azurecontainer.io;'
  const file = '/etc/nginx/dominion/*/current/backend.conf'
  // A restart, because workers that a reload leaves would still ask for the name with the hash.
  await ssh(clouds, `sed -i 's/^set .*;$/${to}/' ${file} && systemctl restart nginx`)
  await expect.poll(getApiStatus, { timeout: 20_000 }).toBe(200)
  const { code, stderr, load } = await underLoad('update-backend', newer)
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('deleting codex-backend: it cannot be changed in place')
  expect(await getBackendHost(clouds)).toMatch(/^codex-api\.[0-9a-f]{16}\.eastus\.azurecontainer\.io$/)
  expect([load.failed, load.answered > 50]).toEqual([[], true])
  expect(await served()).not.toBe(first)
  expect(await groups()).toEqual(['codex-backend', 'codex-worker'])
  const again = await run('update-backend', newer, '--dry-run', '--detailed-exitcode')
  expect(again.code, again.stdout).toBe(0)
})

test('--in-place: the plan announces the outage, the pages stay, the right image serves, and there is no surge group', async () => {
  const other = changed('in-place', 'dominion/app.py', (text) => `${text}\n# in place\n`)
  const plan = await run('update-backend', other, '--in-place', '--dry-run')
  expect(plan.stdout).toMatch(/in place, as requested; requests may fail meanwhile/)
  const tag = /codex-backend:(src-\w+)/.exec(plan.stdout)![1]!
  const { code, stderr, load } = await underLoad('update-backend', other, '--in-place')
  expect(code, stderr).toBe(0)
  expect(stderr).toContain('requests may fail while the backend is replaced')
  expect(stderr).not.toContain('codex-backend-next')
  // The load does notice an outage; here, only the API had one.
  expect(load.failed.length).toBeGreaterThan(0)
  expect(load.failed.filter((line) => !line.startsWith('/api/'))).toEqual([])
  expect([await served(), await groups()]).toEqual([tag, ['codex-backend', 'codex-worker']])
  expect([await getImage('codex-backend'), await getImage('codex-worker')]).toEqual([tag, tag])
})

test('a worker that crashes behind a healthy backend: both are rolled back, no request fails, its log is shown', async () => {
  const before = await served()
  const handless = changed(
    'handless',
    'dominion/worker.py',
    (text) => `${text}\nraise RuntimeError('no hands')\n`,
  )
  const { code, stderr, load } = await underLoad('update-backend', handless)
  expect(code).toBe(1)
  expect(stderr).toMatch(/✖ Worker container: codex-worker keeps crashing/)
  expect(stderr).toMatch(/│ .*no hands/)
  expect(stderr).toContain(`${before} is serving again`)
  expect([load.failed, load.answered > 50]).toEqual([[], true])
  expect([await served(), await groups()]).toEqual([before, ['codex-backend', 'codex-worker']])
  expect([await getImage('codex-backend'), await getImage('codex-worker')]).toEqual([before, before])
  const tag = /(src-\w+) is marked as bad/.exec(stderr)![1]!
  expect(await ssh(clouds, `cat /var/lib/codex-dominion/bad/backend/${tag}`)).toContain('codex-worker')
})

test('restart: planned with its exact commands, and verified by the new start time', async () => {
  const plan = await run('restart-containers', good, '--dry-run', '--only', 'worker')
  expect(plan.stdout).toMatch(
    /\$ az container restart --resource-group \S+ --name codex-worker --subscription/,
  )
  expect(plan.stdout).not.toContain('--name codex-backend')
  const pid = async () => {
    const answer = await fetch(`${clouds.state.controlUrl}/containers/codex-worker`)
    return ((await answer.json()) as { pid: number }).pid
  }
  const before = await pid()
  await forgetRequests(clouds)
  const { code, stderr } = await run('restart-containers', good, '--only', 'worker')
  expect(code, stderr).toBe(0)
  expect(await pid()).not.toBe(before)
  expect(await getAzureChanges(clouds)).toEqual([
    expect.stringMatching(/^POST management\.azure\.com.*containerGroups\/codex-worker\/restart$/),
  ])
})

test('restart without a database: not healthy in time, with the last lines of the log', async () => {
  const hasty = clouds.variant('hasty', { ...common, HEALTHY_WITHIN_SECONDS: '10' })
  await clouds.control(`/postgres/${clouds.config.postgres.server}/stop`)
  const { code, stderr } = await run('restart-containers', hasty, '--only', 'backend')
  await clouds.control(`/postgres/${clouds.config.postgres.server}/start`)
  expect(code).toBe(1)
  expect(stderr).toMatch(/codex-backend did not become healthy within 10 s/)
  expect(stderr).toMatch(/│ .*check=database failed/)
})

test('logged out: exit 4, and nothing is asked of Azure', async () => {
  await clouds.control('/faults', { name: 'token-expired', on: true })
  await forgetRequests(clouds)
  const results = [await run('update-backend', good), await run('restart-containers', good)]
  await clouds.control('/faults', { name: 'token-expired', on: false })
  for (const { code, stderr } of results) {
    expect(code, stderr).toBe(4)
    expect(stderr).toContain('az login')
  }
  expect((await getAzureChanges(clouds)).filter((line) => /containerGroups/.test(line))).toEqual([])
})
