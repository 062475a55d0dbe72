import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { Remote } from '../../../lib/shell/remote.ts'
import type { ProcessResult } from '../../../lib/shell/spawn.ts'
import { certbotCommand, runCertbot } from '../../../lib/vps/certificate.ts'
import { loadFileConfig } from '../../support/config.ts'
import { getFailure, home, openRunner, temporaryFolder, toSite } from '../../support/helpers.ts'

const config = await loadFileConfig()
const script = path.join(home, 'lib/vps/remote/certbot-wait.sh')

/** A process that holds the lock as certbot does: fcntl.lockf, and the file is removed before the lock is released. */
async function getHolder(lock: string, seconds: number): Promise<ChildProcess> {
  const program = [
    ...['import fcntl, os, sys, time', 'fd = os.open(sys.argv[1], os.O_CREAT | os.O_WRONLY, 0o600)'],
    ...['fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)', 'print("held", flush=True)'],
    ...['time.sleep(float(sys.argv[2]))', 'os.remove(sys.argv[1])', 'os.close(fd)'],
  ]
  const child = spawn('python3', ['-c', program.join('\n'), lock, String(seconds)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill())
  await once(child.stdout!, 'data')
  return child
}

async function wait(seconds: number, ...locks: string[]) {
  const child = spawn('sh', [script, String(seconds), ...locks], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', (chunk) => {
    said += chunk
  })
  const started = Date.now()
  const [code] = await once(child, 'close')
  return { code, said, ms: Date.now() - started }
}

test('the script waits for the process that holds one of the locks, and names it', async () => {
  const folder = temporaryFolder()
  const [free, lock] = [path.join(folder, 'free'), path.join(folder, '.certbot.lock')]
  writeFileSync(free, '')
  const holder = await getHolder(lock, 1.5)
  const done = await wait(20, free, path.join(folder, 'missing'), lock)
  expect([done.code, done.said]).toEqual([
    0,
    expect.stringMatching(new RegExp(`^holder\t${holder.pid}\t\\S*python3 -c import fcntl.*\n$`)),
  ])
  expect(done.ms).toBeGreaterThan(1000)
  expect(done.ms).toBeLessThan(15_000)
})

test('the script gives up after the time limit and does not wait long for a free lock', async () => {
  const lock = path.join(temporaryFolder(), '.certbot.lock')
  await getHolder(lock, 60)
  const gaveUp = await wait(1, lock)
  expect([gaveUp.code, gaveUp.said.split('\n')]).toEqual([75, [expect.stringContaining('holder\t'), '']])
  const left = path.join(temporaryFolder(), '.certbot.lock')
  writeFileSync(left, '')
  expect(await wait(10, left)).toMatchObject({ code: 0, said: '' })
})

const busy = {
  code: 1,
  stdout: '',
  stderr: 'Saving debug log to /var/log\nAnother instance of Certbot is already running.\n',
}
const issued = { code: 0, stdout: 'Successfully received certificate.\n', stderr: '' }
const held = { stderr: '', stdout: 'holder\t421\t/usr/bin/python3 /usr/bin/certbot -q renew \n' }

/** A VPS on which certbot and the wait for its lock give these answers in order. */
function vps(...answers: Omit<ProcessResult, 'timedOut'>[]) {
  const asked: string[] = []
  const exec: Remote['exec'] = async (line, { onOutput }) => {
    asked.push(/certbot-wait \d+ (\d+)/.exec(line)?.[1] ?? line.split(' ')[0]!)
    const answer = answers.shift()
    if (!answer) throw new Error(`asked once too often: ${line}`)
    onOutput?.(answer.stdout, 'stdout')
    return { timedOut: false, ...answer }
  }
  const runner = openRunner({ openHost: async () => ({ exec, close() {} }) as Partial<Remote> as Remote })
  const told: string[] = []
  return { context: { ...toSite(config), runner }, asked, told, tell: (line: string) => void told.push(line) }
}
const command = async () => certbotCommand(toSite(config), false)

test('waits for another certbot, then checks the certificate again', async () => {
  const first = vps(busy, { code: 0, ...held }, issued)
  expect(await runCertbot(first.context, command, first.tell)).toMatchObject({ code: 0 })
  expect(first.asked).toEqual(['certbot', '600', 'certbot'])
  expect(first.told).toContain(
    'waiting at most 10 min for another certbot on the VPS to end (process 421: /usr/bin/python3 /usr/bin/certbot -q renew)',
  )
  const second = vps(busy, { code: 0, ...held })
  let left = 1
  const once = async () => (left-- > 0 ? certbotCommand(toSite(config), false) : undefined)
  expect(await runCertbot(second.context, once, second.tell)).toBeUndefined()
  expect(second.asked).toEqual(['certbot', '600'])
})

test('a certbot that does not end is named, and the CA is not blamed', async () => {
  const { context, tell } = vps(busy, { code: 75, ...held })
  expect(await getFailure(runCertbot(context, command, tell))).toMatchObject({
    what: 'Another certbot on the VPS has not ended within 10 min, so the CA was not contacted',
    said: 'process 421: /usr/bin/python3 /usr/bin/certbot -q renew',
    next: 'Wait until it has ended (on the VPS: ps -fp 421), or end it there (kill 421), then run this command again.',
  })
  const unseen = vps(busy, { code: 0, stdout: '', stderr: '' })
  const failure = await getFailure(runCertbot(unseen.context, command, unseen.tell, 0))
  expect(failure.next).toContain('ps -ef | grep certbot')
})

test('an error from the CA is not a reason to wait', async () => {
  const refusal = { code: 1, stdout: '', stderr: 'Detail: 192.0.2.1: Timeout during connect\n' }
  const { context, asked, tell } = vps(refusal)
  expect((await getFailure(runCertbot(context, command, tell))).what).toContain('The CA did not issue')
  expect(asked).toEqual(['certbot'])
})

test('flock(1) does not lock what certbot locks', () => {
  const lock = path.join(temporaryFolder(), 'lock')
  expect(String(execFileSync('flock', [lock, 'sh', script, '0', lock]))).toBe('')
})
