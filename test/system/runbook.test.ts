import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { ProcessResult } from '../../lib/command/process.ts'
import type { Receipt } from '../../lib/deploy/receipt.ts'
import { backendCopy, smallDashboard, workFolder } from './applications.ts'
import { changesAskedOfAzure, forgetRequests, stateFolder } from './records.ts'
import { type Rehearsed, startRehearsal } from './rehearsed.ts'
import { startSession } from './sessions.ts'

/*
 * docs/runbook.md against a rehearsal: every new line as it stands there, with --dry-run where it would change something.
 */

const home = path.join(import.meta.dirname, '..', '..')
const page = readFileSync(path.join(home, 'docs', 'runbook.md'), 'utf8')
/** Every `npx dominion …` of a table, once, in the order of the page. */
const lines = [...new Set([...page.matchAll(/`npx dominion ([^`]+)`/g)].map((match) => match[1]!))]
/** Only look, and so take no --dry-run. */
const looking = ['doctor', 'view-logs', 'check-database', 'metrics', 'cost', 'history', 'health', 'slo']

const work = workFolder('dominion-runbook')
let clouds: Rehearsed
let environment: string
/** What the words in capitals stand for. */
let words: Record<string, string>

beforeAll(async () => {
  clouds = await startRehearsal('sys-runbook')
  const dashboard = smallDashboard(work.folder)
  environment = clouds.variant('shop', {
    DASHBOARD_DIR: dashboard,
    BACKEND_DIR: backendCopy(work.folder, 'backend', {}),
  })
  await well('deploy-complete')
  // A second release of both, so that there is one to go back to.
  appendFileSync(
    path.join(dashboard, 'build.mjs'),
    "\nwriteFileSync('out/page-0.html', '<html>second</html>')",
  )
  backendCopy(work.folder, 'backend', { 'dominion/app.py': (text) => `${text}\n# second\n` })
  await well('update-frontend')
  await well('update-backend')
  await well('backup-database')
  // So that there is a history.
  await clouds.dominion(['health'], { environment })
  words = await wordsNow()
  await forgetRequests(clouds)
})
afterAll(async () => {
  await clouds?.down()
  work.remove()
})

async function well(...args: string[]): Promise<ProcessResult> {
  const done = await clouds.dominion(args, { environment })
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
  const backups = path.join(stateFolder(clouds, environment), 'backups')
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

/** The words of a line as a shell would hand them on; the page quotes with ' only. */
const argumentsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|\S+/g)].map(([word, quoted]) => quoted ?? words[word] ?? word)

test('every script has a line in the runbook and in the README', () => {
  const scripts = readdirSync(path.join(home, 'scripts'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => path.basename(file).replace(/(\.mjs)?\.ts$/, ''))
  const named = new Set([...lines.map((line) => line.split(' ')[0]), 'rehearse'])
  expect(scripts.filter((name) => !named.has(name))).toEqual([])
  const readme = readFileSync(path.join(home, 'README.md'), 'utf8')
  expect(scripts.filter((name) => !readme.includes(`| \`${name}\` |`))).toEqual([])
})

// Side by side, as nothing changes anything; the test after them holds them to that.
test.concurrent.each(lines.filter((line) => !line.includes('--follow')))('npx dominion %s', async (line) => {
  const args = argumentsOf(line)
  const harmless = looking.includes(args[0]!) || line.includes('--list') || line.includes('status')
  if (!harmless && !args.includes('--dry-run')) args.push('--dry-run')
  const done = await clouds.dominion(args, { environment })
  // A busy machine answers slowly, and containers have just been restarted: a WARNING.
  const good = args[0] === 'health' ? [0, 1] : [0]
  expect(good, done.stderr + done.stdout).toContain(done.code)
  // A search may find nothing, and cron wants to hear nothing.
  if (!args.includes('--grep') && !args.includes('--quiet')) expect(done.stdout.trim()).not.toBe('')
})

test('none of these lines has changed anything', async () => {
  expect(await changesAskedOfAzure(clouds)).toEqual([])
  const plan = await clouds.dominion(['deploy-complete', '-n', '--detailed-exitcode'], { environment })
  expect(plan.code, plan.stdout).toBe(0)
})

test.each(lines.filter((line) => line.includes('--follow')))('npx dominion %s', async (line) => {
  const session = startSession([...argumentsOf(line), '--env', environment])
  await session.until(/ backend .*path=\/health /)
  session.kill('SIGINT')
  const { code, said } = await session.ended
  expect(code, said).toBe(130)
})
