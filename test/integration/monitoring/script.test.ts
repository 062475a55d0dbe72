import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { startReceiver } from '../../support/alertFixtures.ts'
import { home, temporaryFolder } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'

/** Runs `health` in a folder with these lines of `.env`; no check is ever reached. */
function health(env: string | undefined, ...args: string[]) {
  const cwd = temporaryFolder()
  if (env !== undefined) writeFileSync(path.join(cwd, '.env'), env)
  return start([path.join(home, 'bin', 'dominion.js'), 'health', ...args], { cwd }).ended
}

test.each<[string, string | undefined, string[], RegExp]>([
  ['a flag that there is not', '', ['--quik'], /^UNKNOWN - unknown option '--quik'.*\n$/],
  ['no configuration', undefined, ['--quick'], /^UNKNOWN - \.env not found in .*\n$/],
  ['two wrong keys', 'DOMAIN=A\nSLO_PERCENT=x', [], /^UNKNOWN - Invalid configuration \(2 errors\): .*\n$/],
  [
    'half a channel',
    'ALERT_EMAIL_TO=a@b.test',
    ['--quick'],
    /^UNKNOWN - E-mail alerts are only partly configured: ALERT_EMAIL_TO without .*\n$/,
  ],
  ['no channel to test', '', ['--test-alert'], /^UNKNOWN - No alert channel is configured\n$/],
  [
    'no such channel',
    'ALERT_WEBHOOK_URL=http://127.0.0.1:9/x',
    ['--test-alert', 'webhok'],
    /did you mean webhook\?\n$/,
  ],
  ['wrong lines of targets', '', ['--quick', '--targets', '.env'], /^UNKNOWN - \.env contains no targets\n$/],
])('%s is UNKNOWN, on one line of stdout', async (_, env, args, line) => {
  const { code, stdout, stderr } = await health(env, ...args)
  expect(stdout).toMatch(line)
  expect(stderr).toMatch(/^✖ /)
  expect(code).toBe(3)
})

test('--json and --format json print one document', async () => {
  for (const args of [['--json'], ['--format', 'json']]) {
    const { code, stdout } = await health('DOMAIN=A', ...args)
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, exitCode: 3, error: { what: expect.any(String) } })
    expect(code).toBe(3)
  }
})

test('a test alert that is refused exits 2 without printing the address', async () => {
  const { code, stdout, stderr } = await health(
    'ALERT_WEBHOOK_URL=http://127.0.0.1:9/s3cr3tp4th',
    '--test-alert',
  )
  expect(code).toBe(2)
  expect(stdout).toMatch(/^CHANNEL +MS +RESULT\nwebhook +\d+ +The alert could not be sent to the webhook: /)
  expect(stdout + stderr).not.toContain('s3cr3tp4th')
})

test('without a state folder the check runs unrecorded', async () => {
  const { port } = await startReceiver((outgoing) => outgoing.end('well'))
  const cwd = temporaryFolder()
  writeFileSync(path.join(cwd, '.env'), 'STATE_DIR=.env')
  writeFileSync(path.join(cwd, 'targets'), `shop http://127.0.0.1:${port}/ 8000,9000`)
  const line = ['health', '--quick', '--quiet', '--targets', 'targets', '--only', 'shop']
  const { code, stdout } = await start([path.join(home, 'bin', 'dominion.js'), ...line], { cwd }).ended
  expect(stdout).toMatch(
    /^WARNING - 1 probe, .*no transcript is written: .*; a second run cannot be prevented: .*/,
  )
  expect(stdout).toMatch(
    /nothing was recorded, and this check can raise no alert: .* \| 'shop'=\d+ms;8000;9000;0\n$/,
  )
  expect(code).toBe(1)
})

/** A folder whose `.env` and extra target stand for a whole system; the target answers when `held` resolves. */
async function oneTarget(...lines: string[]) {
  let asked = () => {}
  const hasAsked = new Promise<void>((resolve) => {
    asked = resolve
  })
  const held = Promise.withResolvers<void>()
  const { port } = await startReceiver((outgoing) => {
    asked()
    void held.promise.then(() => outgoing.end('well'))
  })
  const cwd = temporaryFolder()
  writeFileSync(path.join(cwd, '.env'), [`STATE_DIR=${cwd}/state`, ...lines].join('\n'))
  writeFileSync(path.join(cwd, 'targets'), `shop http://127.0.0.1:${port}/ 8000,9000`)
  const argv = ['--quick', '--format', 'plugin', '--targets', 'targets', '--only', 'shop']
  return {
    hasAsked,
    answer: held.resolve,
    start: (...more: string[]) =>
      start([path.join(home, 'bin', 'dominion.js'), 'health', ...argv, ...more], { cwd }),
  }
}

test('a failed ping is reported in the line, before its performance data, also with --quiet', async () => {
  const { answer, start } = await oneTarget('HEALTH_PING_URL=http://127.0.0.1:9/s3cr3tp4th')
  answer()
  const { code, stdout } = await start('--quiet').ended
  expect(stdout).toMatch(
    /^OK - 1 probe, .*; The dead man's switch could not be pinged .* \| 'shop'=\d+ms;8000;9000;0\n$/,
  )
  expect(stdout).not.toContain('s3cr3tp4th')
  expect(code).toBe(0)
})

test('a signal stops a check at once and is the only thing reported', async () => {
  const { hasAsked, start } = await oneTarget()
  const { child, ended } = start()
  await hasAsked
  child.kill('SIGINT')
  const { code, stdout, stderr } = await ended
  expect(stdout).toBe('')
  expect(stderr).toBe('\nStopped.\n')
  expect(code).toBe(130)
})
