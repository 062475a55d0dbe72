import { globSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Receipt } from '../../lib/deploy/receipts/receipts.ts'
import type { ProcessResult } from '../../lib/shell/spawn.ts'
import { copyBackend, createWorkFolder, smallDashboard } from '../support/system/applications.ts'
import { steadyLoad } from '../support/system/load.ts'
import {
  forgetRequests,
  getAzureChanges,
  readReceipts,
  readTranscript,
  stateFolder,
} from '../support/system/records.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import { startSession } from '../support/system/sessions.ts'
import { createVisitor, ssh } from '../support/system/site.ts'

/*
 * Two releases of pages and backend. First docs/runbook.md, every new line exactly as printed, with --dry-run where it
 * would change something; then rollbacks between the two, and what the receipts of all this say.
 */

const home = path.join(import.meta.dirname, '..', '..')
const page = readFileSync(path.join(home, 'docs', 'runbook.md'), 'utf8')
/** Every `npx dominion …` of a table, once, in the order of the page; one that is also there as a dry run is run as that. */
const lines = [...new Set([...page.matchAll(/`npx dominion ([^`]+)`/g)].map((match) => match[1]!))].filter(
  (line, _, all) => !all.includes(`${line} --dry-run`),
)
/** Read-only scripts, which take no --dry-run. */
const readOnly = globSync('scripts/**/*.ts', { cwd: home })
  .filter((file) => readFileSync(path.join(home, file), 'utf8').includes('changes: false'))
  .map((file) => path.basename(file, '.ts'))

const work = createWorkFolder('dominion-rollback')
let clouds: Rehearsal
let one: string
let two: string
/** Values for the runbook's placeholders in capitals. */
let words: Record<string, string>

beforeAll(async () => {
  clouds = await startRehearsal('sys-rollback')
  const dashboard = smallDashboard(work.folder)
  one = clouds.variant('one', { DASHBOARD_DIR: dashboard })
  expect(await run(['deploy-complete', '--quiet'], one)).toMatchObject({ code: 0 })
  const build = path.join(dashboard, 'build.mjs')
  writeFileSync(build, readFileSync(build, 'utf8').replace('<h1>', '<h1>new '))
  const backend = copyBackend(work.folder, 'newer', { 'dominion/app.py': (text) => `${text}\n# newer\n` })
  // Thirty scripts at a time: the site's response times mean nothing then.
  const patient = { HEALTH_STATIC_MS: '8000,9000', HEALTH_API_MS: '8000,9000' }
  two = clouds.variant('two', { DASHBOARD_DIR: dashboard, BACKEND_DIR: backend, ...patient })
  expect(await run(['deploy-complete', '--quiet'], two)).toMatchObject({ code: 0 })
  await well('backup-database')
  // So that there is a history.
  await run(['health'])
  words = await wordsNow()
  await forgetRequests(clouds)
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

const run = (args: string[], environment = two): Promise<ProcessResult> =>
  clouds.dominion(args, { environment })

async function well(...args: string[]): Promise<ProcessResult> {
  const done = await run(args)
  expect(done.code, done.stderr + done.stdout).toBe(0)
  return done
}

async function wordsNow(): Promise<Record<string, string>> {
  const releases = async (part: string) => {
    const { stdout } = await well('rollback', part, '--list', '--json')
    const releases = JSON.parse(stdout) as Record<string, { id: string; live: boolean }[]>
    return releases[part]!.find(({ live }) => !live)!.id
  }
  const { receipts } = JSON.parse((await well('history', '--json')).stdout) as { receipts: Receipt[] }
  const ids = receipts.map(({ id }) => id).sort()
  const backups = path.join(stateFolder(clouds, two), 'backups')
  const dump = readdirSync(backups).find((name) => name.endsWith('.dump'))!
  return {
    PAGES: await releases('frontend'),
    IMAGE: await releases('backend'),
    EARLIER: ids.at(0)!,
    RECEIPT: ids.at(-1)!,
    DUMP: path.join(backups, dump),
    'metrics.html': path.join(work.folder, 'metrics.html'),
  }
}

/** The words of a line as a shell would pass them on; the page quotes with ' only. */
const getArguments = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? words[word] ?? word)

// Concurrently, because nothing changes anything; the next test checks that.
test.concurrent.each(lines.filter((line) => !line.includes('--follow')))('npx dominion %s', async (line) => {
  const args = getArguments(line)
  const harmless = readOnly.includes(args[0]!) || line.includes('--list') || line.endsWith(' status')
  if (!harmless && !args.includes('--dry-run')) args.push('--dry-run')
  const done = await clouds.dominion(args, { environment: two })
  // Containers may have been restarted within the hour: a WARNING.
  const good = args[0] === 'health' ? [0, 1] : [0]
  expect(good, done.stderr + done.stdout).toContain(done.code)
  // A search may find nothing, and cron jobs should print nothing.
  if (!args.includes('--grep') && !args.includes('--quiet')) expect(done.stdout.trim()).not.toBe('')
})

test('none of these commands has changed anything', async () => {
  expect(await getAzureChanges(clouds)).toEqual([])
  const plan = await clouds.dominion(['deploy-complete', '-n', '--detailed-exitcode'], { environment: two })
  expect(plan.code, plan.stdout).toBe(0)
})

test.each(lines.filter((line) => line.includes('--follow')))('npx dominion %s', async (line) => {
  const session = startSession([...getArguments(line), '--env', two])
  await session.until(/ backend .*path=\/health /)
  session.kill('SIGINT')
  const { code, said } = await session.ended
  expect(code, said).toBe(130)
})

interface Listed {
  ok: boolean
  frontend: { id: string; live: boolean; healthy?: string; bad?: { why: string } }[] | null
  backend: { id: string; live: boolean; healthy?: string; bad?: { why: string } }[] | null
  missing: { what: string; why: string }[]
}
async function listed(environment = two): Promise<Listed> {
  const { stdout } = await run(['rollback', '--list', '--json'], environment)
  return JSON.parse(stdout) as Listed
}
const idOfRun = ({ receipt }: { receipt: Receipt }): string => receipt.id

test('the list: both releases of both parts, when they worked, and which is live', async () => {
  const { ok, frontend, backend } = await listed()
  expect(ok).toBe(true)
  for (const part of [frontend!, backend!]) {
    expect(part.map(({ live }) => live)).toEqual([true, false])
    // The receipts of the other environment's machine are read from the VPS.
    expect(part.every(({ healthy }) => healthy !== undefined && healthy !== '')).toBe(true)
  }
})

test('pages: rolled back by one rename, without an upload, in less than a second; the bad one is marked', async () => {
  const [newer, older] = (await listed()).frontend!
  const get = createVisitor(clouds)
  expect((await get('/page-1')).body).toContain('<h1>new page-1')
  const load = steadyLoad(clouds.config)
  const { code, stdout, stderr } = await run([
    'rollback',
    'frontend',
    '--mark-bad',
    '--why',
    "it's $(wrong)",
    '--json',
  ])
  const { failed, answered } = await load.stop()
  expect(code, stderr).toBe(0)
  const { receipt } = JSON.parse(stdout) as { receipt: Receipt }
  const ms = Number(/switched in (\d+) ms/.exec(stderr)?.[1])
  console.log(`frontend: switched in ${ms} ms; ${answered} requests meanwhile, ${failed.length} failed`)
  expect(ms).toBeLessThan(1000)
  expect(failed).toEqual([])
  expect(receipt.changed.map(({ id }) => id)).toEqual(['mark-bad', 'frontend-switch'])
  const changing = readTranscript(clouds, receipt.id, two).filter(({ effect }) => effect === 'change')
  expect(changing.map(({ line }) => / switch /.test(line))).toEqual([true])
  expect(await ssh(clouds, 'readlink /var/www/codexdominion.app/current')).toBe(`releases/${older!.id}\n`)
  expect((await get('/page-1')).body).toContain('<h1>page-1')
  const after = (await listed()).frontend!
  expect(after.find(({ id }) => id === newer!.id)).toMatchObject({
    live: false,
    bad: { why: "it's $(wrong)" },
  })
  // The line that resumes names the chosen release: "the previous one" is a different one by now.
  expect(receipt.line).toContain(`--to ${older!.id}`)
})

test('never to a release marked as bad, and none before the first', async () => {
  const [newer, older] = (await listed()).frontend!
  const refused = await run(['rollback', 'frontend', '--to', newer!.id])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain(`${newer!.id} is marked as bad, so no rollback selects it: it's $(wrong)`)
  const none = await run(['rollback', 'frontend'])
  expect(none.code).toBe(2)
  expect(none.stderr).toMatch(/No release before .* is known to have worked/)
  expect(await ssh(clouds, 'readlink /var/www/codexdominion.app/current')).toBe(`releases/${older!.id}\n`)
  expect(await run(['rollback', 'frontend', '--clear-bad', newer!.id, '--quiet'])).toMatchObject({ code: 0 })
  const forward = await run(['rollback', 'frontend', '--to', newer!.id])
  expect(forward.code, forward.stderr).toBe(0)
  expect(forward.stdout).toMatch(/Switched in \d+ ms over the open connection/)
})

test('pages that turn out to be incomplete: the other release is live again, and they are marked', async () => {
  const [newer, older] = (await listed()).frontend!
  // Damaged on the VPS itself, after they were last verified.
  await ssh(
    clouds,
    `cd /var/www/codexdominion.app/releases/${older!.id} && find . -name '*.html.*' -delete && find . -name '*.html' -exec sed -i 's#<h1>#<script src="/_next/static/gone.js"></script><h1>#' {} +`,
  )
  const { code, stderr } = await run(['rollback', 'frontend'])
  expect(code, stderr).toBe(1)
  expect(stderr).toContain(
    `Release ${older!.id} fails its checks; release ${newer!.id} is live again and passes them`,
  )
  expect(await ssh(clouds, 'readlink /var/www/codexdominion.app/current')).toBe(`releases/${newer!.id}\n`)
  expect((await listed()).frontend!.map(({ live, bad }) => [live, bad !== undefined])).toEqual([
    [true, false],
    [false, true],
  ])
})

test('backend: the previous image, with a surge group, under load; the bad one is marked', async () => {
  const [newer, older] = (await listed()).backend!
  const plan = await run(['rollback', 'backend', '--dry-run'])
  expect(plan.stdout).toMatch(new RegExp(`image: \\S+${newer!.id} → \\S+${older!.id}`))
  const load = steadyLoad(clouds.config)
  const { code, stdout, stderr } = await run(['rollback', 'backend', '--mark-bad'])
  const { failed, answered } = await load.stop()
  console.log(`backend: ${answered} requests meanwhile, ${failed.length} failed`)
  expect(code, stderr).toBe(0)
  expect(failed).toEqual([])
  expect(stdout).toMatch(/tables are not rolled back[\s\S]*brings src-\w+ back/)
  const health = await createVisitor(clouds)('/_dominion/health')
  expect(JSON.parse(health.body)).toMatchObject({ release: older!.id })
  const after = (await listed()).backend!
  expect(after.map(({ live, bad }) => [live, bad !== undefined])).toEqual([
    [false, true],
    [true, false],
  ])
  await forgetRequests(clouds)
  const refused = await run(['rollback', 'backend', '--to', newer!.id])
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain(`${newer!.id} is marked as bad`)
  expect(await getAzureChanges(clouds)).toEqual([])
})

test('a silent VPS: nothing is rolled back, and the lists show what they can', async () => {
  const silent = clouds.variant('silent', { IONOS_PORT: '9' })
  for (const part of ['frontend', 'backend'])
    expect(await run(['rollback', part], silent)).toMatchObject({ code: 3 })
  const { stdout, code } = await run(['rollback', '--list', '--json'], silent)
  expect(code).toBe(3)
  const { ok, frontend, backend, missing } = JSON.parse(stdout) as Listed
  expect([ok, frontend, backend?.length]).toEqual([false, null, 2])
  expect(missing.map(({ what }) => what)).toContain('marks of bad releases')
})

test('logged out of Azure: exit 4, but the pages are still listed', async () => {
  const out = clouds.variant('out', { AZURE_CONFIG_DIR: path.join(work.folder, 'nobody') })
  expect(await run(['rollback', 'backend'], out)).toMatchObject({ code: 4 })
  const { stdout, code } = await run(['rollback', '--list', '--json'], out)
  expect(code).toBe(4)
  const { frontend, backend } = JSON.parse(stdout) as Listed
  expect([frontend?.length, backend]).toEqual([2, null])
})

test('history: each receipt of all machines once; one is shown by its prefix; two are compared', async () => {
  const { stdout, code } = await run(['history', '--json'])
  expect(code).toBe(0)
  const { receipts } = JSON.parse(stdout) as { receipts: (Receipt & { places: string[] })[] }
  const [first] = readReceipts(clouds, one).map(idOfRun)
  const own = readReceipts(clouds, two).map(idOfRun)
  expect(receipts.map(({ id }) => id).filter((id) => id === first || own.includes(id))).toEqual(
    [first!, ...own].reverse(),
  )
  expect(receipts.find(({ id }) => id === first)?.places).toEqual(['vps'])
  expect(receipts.find(({ id }) => id === own[0])?.places).toEqual(['here', 'vps'])
  const shown = await run(['history', '--show', first!.slice(0, 16)])
  expect(shown.stdout).toMatch(/^id +\S+deploy-complete[\s\S]*kept +on the VPS\n/)
  const diff = await run(['history', '--diff', first!, own[0]!, '--json'])
  const { facts, steps } = JSON.parse(diff.stdout) as { facts: { name: string }[]; steps: { id: string }[] }
  expect(facts.map(({ name }) => name)).toEqual(expect.arrayContaining(['image', 'frontend']))
  expect(steps.map(({ id }) => id)).toContain('backend')
})

test('history with a damaged receipt and a silent VPS: the rest is shown, what is missing is named', async () => {
  const silent = clouds.variant('silent', { IONOS_PORT: '9' })
  const [shown] = readReceipts(clouds, silent).map(idOfRun)
  writeFileSync(path.join(stateFolder(clouds, silent), 'receipts', '29990101T000000Z-x-1.json'), '{"id"')
  const { code, stdout } = await run(['history'], silent)
  expect(code).toBe(3)
  expect(stdout).toContain(shown!.split('-')[0])
  expect(stdout).toMatch(/! The VPS could not be read, so its receipts are missing: /)
  expect(stdout).toMatch(/! 29990101T000000Z-x-1\.json here is damaged and skipped: /)
})
