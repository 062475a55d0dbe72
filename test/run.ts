import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { prepareImageRoot } from '../rehearsal/azure/imageRoot.ts'
import { install, missing, PACKAGES, TEST_PACKAGES } from '../rehearsal/packages.ts'
import { prepareBackendTestRoot, runBackendTests } from './support/backendTests.ts'

/*
 * What `npm test` runs, by way of test/start.js: type check, lint, unit tests, system tests against the rehearsal, and
 * the backend's own tests.
 * `npm test -- --unit` leaves out what needs root, Debian and minutes. The last line counts everything together;
 * a skipped test is as bad as a failed one, because nobody would notice what it no longer shows.
 */

interface Counts {
  passed: number
  failed: number
  skipped: number
}

const home = path.dirname(import.meta.dirname)
const none: Counts = { passed: 0, failed: 0, skipped: 0 }
let child: ReturnType<typeof spawn> | undefined

const unknownFlag = process.argv.slice(2).find((word) => word !== '--unit')
if (unknownFlag !== undefined) {
  process.stderr.write(`✖ ${unknownFlag} is not a flag of the tests\n→ npm test, or npm test -- --unit\n`)
  process.exit(2)
}
// The terminal sends Ctrl-C to the children too; here it only must not cost the last line.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child?.kill('SIGTERM'))

const all = await everything(process.argv.includes('--unit')).catch((thrown: Error): Counts => {
  process.stderr.write(`✖ ${thrown.message}\n`)
  return { ...none, failed: 1 }
})
process.exitCode = all.failed > 0 || all.skipped > 0 ? 1 : 0
process.stdout.write(`${all.passed} passed, ${all.failed} failed, ${all.skipped} skipped\n`)

async function everything(unitOnly: boolean): Promise<Counts> {
  if (!unitOnly) await prepare()
  const parts = [await typeCheck(), await lint(), await vitest(unitOnly)]
  if (!unitOnly) parts.push(await backendTests())
  return parts.reduce((sum, part) => ({
    passed: sum.passed + part.passed,
    failed: sum.failed + part.failed,
    skipped: sum.skipped + part.skipped,
  }))
}

/** Says what is missing, then installs or makes it. Throws when this is not Debian or we are not root. */
async function prepare(): Promise<void> {
  const packages = [...PACKAGES, ...TEST_PACKAGES]
  const wanted = await missing(packages)
  if (wanted.length > 0)
    say(`Debian packages that the tests need and this machine lacks: ${wanted.join(', ')}`)
  if (process.getuid?.() !== 0) {
    throw new Error(
      'The system tests make network namespaces and start servers on port 22, 80 and 443 there: run them as root, or only npm test -- --unit',
    )
  }
  await install({ onLine: say, packages })
  await prepareImageRoot(say)
  await prepareBackendTestRoot(say)
}

async function typeCheck(): Promise<Counts> {
  say('Type check')
  return one((await run([...tool('typescript', 'tsc'), '--noEmit'])) === 0)
}

async function lint(): Promise<Counts> {
  say('Lint')
  return one((await run([...tool('@biomejs/biome', 'biome'), 'check'])) === 0)
}

/** Both projects, or the unit one alone; counted from vitest's own JSON report. */
async function vitest(unitOnly: boolean): Promise<Counts> {
  say(unitOnly ? 'Unit tests' : 'Unit and system tests')
  const folder = mkdtempSync(path.join(tmpdir(), 'dominion-report-'))
  const report = path.join(folder, 'report.json')
  try {
    const code = await run([
      ...tool('vitest', 'vitest'),
      ...['run', '--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
      ...(unitOnly ? ['--project=unit'] : []),
    ])
    return countVitest(readFileSync(report, 'utf8'), code)
  } catch (thrown) {
    process.stderr.write(`✖ vitest left no report: ${(thrown as Error).message}\n`)
    return { ...none, failed: 1 }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function countVitest(report: string, code: number): Counts {
  const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
    report,
  ) as {
    numPassedTests: number
    numFailedTests: number
    numPendingTests: number
    numTodoTests: number
    testResults: { status: string; assertionResults: { status: string }[] }[]
  }
  // A file that cannot be loaded has no tests to fail; nor has an error outside any test.
  const unloaded = testResults.filter(
    ({ status, assertionResults }) =>
      status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
  ).length
  const failed = numFailedTests + unloaded
  return {
    passed: numPassedTests,
    failed: failed === 0 && code !== 0 ? 1 : failed,
    skipped: numPendingTests + numTodoTests,
  }
}

/** The example backend's tests, counted from unittest's last lines. */
async function backendTests(): Promise<Counts> {
  say('Backend tests')
  const root = await prepareBackendTestRoot(say)
  const { code, output } = await runBackendTests(root, (chunk) => process.stdout.write(chunk))
  const ran = Number(/^Ran (\d+) tests? in/m.exec(output)?.[1] ?? 0)
  const count = (word: string) =>
    Number(new RegExp(`^(?:OK|FAILED) \\(.*?\\b${word}=(\\d+)`, 'm').exec(output)?.[1] ?? 0)
  const bad = count('failures') + count('errors') + count('unexpected successes')
  const skipped = count('skipped') + count('expected failures')
  const failed = bad === 0 && (code !== 0 || ran === 0) ? 1 : bad
  return { passed: Math.max(0, ran - failed - skipped), failed, skipped }
}

/** A package's program, run by this very Node. */
function tool(name: string, program: string): string[] {
  const file = createRequire(import.meta.url).resolve(`${name}/package.json`)
  const { bin } = JSON.parse(readFileSync(file, 'utf8')) as { bin: string | Record<string, string> }
  return [process.execPath, path.join(path.dirname(file), typeof bin === 'string' ? bin : bin[program]!)]
}

/** Runs a program to its end; its output is shown as it comes. */
async function run(argv: string[]): Promise<number> {
  const running = spawn(argv[0]!, argv.slice(1), { cwd: home, stdio: ['ignore', 'inherit', 'inherit'] })
  child = running
  return new Promise((resolve) => {
    running.on('error', () => resolve(-1))
    running.on('close', (code) => resolve(code ?? -1))
  })
}

function one(passed: boolean): Counts {
  return passed ? { ...none, passed: 1 } : { ...none, failed: 1 }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
