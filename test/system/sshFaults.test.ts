import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import type { ProcessResult } from '../../lib/shell/spawn.ts'
import { runOrThrow } from '../../rehearsal/processes.ts'
import { type Rehearsal, startRehearsal } from '../support/system/rehearsal.ts'
import {
  createContent,
  createVisitor,
  smallDashboard,
  ssh,
  trySsh,
  writeContent,
} from '../support/system/site.ts'

let clouds: Rehearsal
let work: string
let dashboard: string
let agentPid = 0

beforeAll(async () => {
  clouds = await startRehearsal('test-ssh', { vpsFrom: 'trixie' })
  work = mkdtempSync(path.join(tmpdir(), 'test-ssh-'))
  dashboard = smallDashboard(createContent(3, 'ssh'))
})

afterAll(async () => {
  if (agentPid) process.kill(agentPid)
  await clouds?.down()
  for (const folder of [work, dashboard]) if (folder) rmSync(folder, { recursive: true, force: true })
})

/** Runs setup-server in an environment with these values, without this machine's own agent or keys. */
async function withValues(
  suffix: string,
  values: Record<string, string>,
  agent = '',
): Promise<ProcessResult> {
  const environment = clouds.variant(suffix, values)
  const started = Date.now()
  const done = await clouds.dominion(['setup-server'], {
    environment,
    env: { SSH_AUTH_SOCK: agent, HOME: work },
  })
  expect(Date.now() - started, 'answers soon').toBeLessThan(20_000)
  if (done.code !== 0) {
    expect(done.stderr).not.toMatch(/\bat .*\.ts:\d+/) // No stack trace, but a sentence.
    expect(changes(environment)).toEqual([])
    if (done.code !== 2)
      expect(done.stderr).toContain(`Resume with: npx dominion setup-server --env ${environment}`)
  }
  return done
}

/**
 * Makes this the language of every session on the VPS, as `update-locale` does: sshd's PAM reads /etc/default/locale.
 * When no language is given, none is set; the session may still show C.UTF-8.
 */
async function speak(language: string, overAll = ''): Promise<void> {
  const [name] = language.split('.')
  await ssh(
    clouds,
    `export LC_ALL=C DEBIAN_FRONTEND=noninteractive
    command -v localedef update-locale > /dev/null && [ -d /usr/share/i18n/locales ] ||
      { apt-get -q update && apt-get -q install -y --no-install-recommends locales; } > /dev/null
    ${language ? `localedef -i ${name} -f UTF-8 ${language}` : ':'}
    update-locale --reset ${language ? `LANG=${language}` : ''} ${overAll ? `LC_ALL=${overAll}` : ''}
    sed -i 's/^UsePAM .*/UsePAM yes/' /etc/ssh/sshd_config && systemctl restart ssh`,
  )
  await expect
    .poll(async () => (await trySsh(clouds, 'echo "$LANG $LC_ALL"')).stdout, { timeout: 10_000 })
    .toMatch(language ? `${language} ${overAll}\n` : /^(C\.UTF-8)? \n$/)
}

/** Commands in that environment's transcripts that change something. */
function changes(environment: string): unknown[] {
  const folder = path.join(clouds.folder, 'state', environment, 'transcripts')
  return readdirSync(folder)
    .flatMap((name) => readFileSync(path.join(folder, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line))
    .filter(({ effect }) => effect === 'change')
}

const keyFile = (name: string, ...options: string[]) =>
  runOrThrow(['ssh-keygen', '-q', '-t', 'ed25519', '-f', path.join(work, name), ...options])

test('the language of the VPS makes no difference: from a bare server to a site, and again', async () => {
  const environment = clouds.variant('locale', { DASHBOARD_DIR: dashboard })
  const run = async (script: string) => {
    const done = await clouds.dominion([script], { environment })
    expect(done.code, done.stderr).toBe(0)
    return done.stdout
  }
  expect((await clouds.control('/vps', { name: 'locale' })).status).toBe(204)
  await expect
    .poll(async () => (await trySsh(clouds, 'echo "$LANG"')).stdout, { timeout: 10_000 })
    .toBe('de_DE.UTF-8\n')
  expect((await trySsh(clouds, 'flock -w 0.2 /run/try true')).code, 'a decimal comma is wanted').toBe(64)
  for (const script of ['setup-server', 'publish-frontend', 'issue-certificate']) await run(script)
  for (const language of ['tr_TR.UTF-8', '']) {
    await speak(language)
    writeContent(dashboard, createContent(3, `in ${language || 'no language'}`))
    for (const script of ['setup-server', 'issue-certificate'])
      expect(await run(script)).toContain('Nothing to do')
    await run('publish-frontend')
    expect(await served('/p1')).toContain(`in ${language || 'no language'}`)
  }
})

/** The text of a page as a visitor gets it: it is in the page's own asset. */
async function served(page: string): Promise<string> {
  const get = createVisitor(clouds)
  const [, asset] = [...(await get(page)).body.matchAll(/src="(\/_next\/static\/[^"]+)"/g)].at(-1)!
  return (await get(asset!)).body
}

/** Writes root's ~/.bashrc, which bash reads for a command over ssh. */
async function writeStartFile(lines: readonly string[]): Promise<void> {
  const text = Buffer.from(`${lines.join('\n')}\n`).toString('base64')
  await ssh(clouds, `echo ${text} | base64 -d > /root/.bashrc`)
}

/** What health finds from here and from the VPS; response times are omitted because they differ from run to run. */
async function getHealth(environment: string): Promise<string[]> {
  const { stdout } = await clouds.dominion(['health', '--from', 'vps', '--json'], { environment })
  const { observations } = JSON.parse(stdout) as {
    observations: { id: string; from: string; verdict: string; ms?: number }[]
  }
  return observations.map(({ id, from, verdict, ms }) => `${id} ${from} ${ms === undefined ? verdict : ''}`)
}

test('output of the login shell’s start files is ignored, and shown with --verbose', async () => {
  const environment = `${clouds.name}-locale`
  const health = await getHealth(environment)
  expect(health).toEqual(expect.arrayContaining(['disk here OK', 'stored-certificate here OK']))
  // Text that would have a meaning after the marker, and no line break at the end.
  const noise = [
    ...['echo hello', 'stty -a', 'mesg y', 'printf "nginx.current\\tbogus\\n"'],
    ...['echo "sudo: a password is required" >&2', 'printf "$ "'],
  ]
  onTestFinished(async () => void (await trySsh(clouds, 'rm -f /root/.bashrc')))
  expect((await clouds.control('/vps', { name: 'noise' })).status).toBe(204)
  expect((await trySsh(clouds, 'true')).stdout).toBe('hello\n')
  expect((await clouds.control('/vps', { name: 'noise', on: false })).status).toBe(204)
  expect((await trySsh(clouds, 'true')).stdout).toBe('')
  await writeStartFile(noise)
  expect((await trySsh(clouds, 'true')).stdout).toMatch(/^hello\nnginx.current\tbogus\n\$ $/)
  for (const script of ['setup-server', 'configure-nginx', 'issue-certificate', 'publish-frontend']) {
    const done = await clouds.dominion([script], { environment })
    expect(done.code, done.stderr).toBe(0)
    expect(done.stdout, script).toContain('Nothing to do')
    expect(`${done.stdout}${done.stderr}`).not.toContain('hello')
  }
  expect(await getHealth(environment)).toEqual(health)
  const logs = await clouds.dominion(['view-logs', '--only', 'nginx', '--lines', '5'], { environment })
  expect([logs.code, logs.stdout]).toEqual([0, expect.stringContaining('GET /')])
  expect(logs.stdout).not.toContain('hello')
  const loud = await clouds.dominion(['configure-nginx', '-v'], { environment })
  expect(loud.stderr).toContain(
    `Ignored what the login shell of root on ${clouds.state.vps} prints before each command:\n  hello\n`,
  )
  expect(loud.stderr.match(/hello/g)).toHaveLength(1)
  // A change, from build to switch.
  writeContent(dashboard, createContent(4, 'with noise'))
  expect((await clouds.dominion(['publish-frontend'], { environment })).code).toBe(0)
  expect(await served('/p3')).toContain('with noise')
  writeContent(dashboard, createContent(3, 'in no language'))
  expect((await clouds.dominion(['publish-frontend'], { environment })).code).toBe(0)
  // One that ends sessions, except those of this test.
  await writeStartFile(['case $BASH_EXECUTION_STRING in exec*) exit 0 ;; esac'])
  const ended = await clouds.dominion(['setup-server'], { environment })
  expect(ended.code).toBe(3)
  expect(ended.stderr).toContain(
    `The login shell of root on ${clouds.state.vps} ended before it ran the command (exit 0)`,
  )
})

test('an unknown host key: nothing is sent, and the line to append is printed', async () => {
  const file = path.join(work, 'known_hosts_empty')
  writeFileSync(file, '')
  const done = await withValues('unknown', { IONOS_KNOWN_HOSTS: file })
  expect(done.code).toBe(3)
  expect(done.stderr).toContain(
    `The host key of ${clouds.state.vps}:22 is not known, so nothing was sent to it`,
  )
  expect(done.stderr).toMatch(/It shows ssh-ed25519 SHA256:\S{43}/)
  expect(done.stderr).toMatch(/ssh-keygen -lf \/etc\/ssh\/ssh_host_ed25519_key\.pub/)
  // The printed line, once appended, makes the same command work.
  const line = done.stderr
    .split('\n')
    .find((each) => each.trim().startsWith(`${clouds.state.vps} ssh-ed25519`))
  writeFileSync(file, `${line!.trim()}\n`)
  const again = await withValues('unknown', { IONOS_KNOWN_HOSTS: file })
  expect(again.code, again.stderr).toBe(0)
})

test('a changed host key is refused, and nothing offers to skip the check', async () => {
  await keyFile('other_host', '-N', '')
  const other = readFileSync(path.join(work, 'other_host.pub'), 'utf8').split(' ').slice(0, 2).join(' ')
  const file = path.join(work, 'known_hosts_changed')
  writeFileSync(file, `# a comment\n${clouds.state.vps} ${other}\n`)
  const done = await withValues('changed', { IONOS_KNOWN_HOSTS: file })
  expect(done.code).toBe(3)
  expect(done.stderr).toContain(
    `is NOT the one known for it (${file} line 2): someone may be answering in its place`,
  )
  expect(done.stderr).toMatch(/It shows ssh-ed25519 SHA256:/)
  expect(done.stderr).toContain('Otherwise do not connect')
  expect(done.stderr).not.toMatch(/StrictHostKeyChecking|ssh-keygen -R|append/i)
})

test('a key that the server does not know', async () => {
  await keyFile('stranger', '-N', '')
  const done = await withValues('refused', { IONOS_SSH_KEY: path.join(work, 'stranger') })
  expect(done.code).toBe(4)
  expect(done.stderr).toContain('accepted none of the keys tried for root')
  expect(done.stderr).toContain(`tried: ${path.join(work, 'stranger')}`)
  expect(done.stderr).toContain('authorized_keys')
})

test('files that are not private keys', async () => {
  const nothing = await withValues('nofile', { IONOS_SSH_KEY: path.join(work, 'nowhere') })
  expect([nothing.code, nothing.stderr]).toEqual([2, expect.stringContaining('there is no such file')])
  await keyFile('pair', '-N', '')
  const half = await withValues('public', { IONOS_SSH_KEY: path.join(work, 'pair.pub') })
  expect([half.code, half.stderr]).toEqual([2, expect.stringContaining('the private key is needed')])
  writeFileSync(path.join(work, 'text'), 'hello\n')
  const text = await withValues('text', { IONOS_SSH_KEY: path.join(work, 'text') })
  expect([text.code, text.stderr]).toEqual([2, expect.stringContaining('not a valid private key')])
})

test('a key with a passphrase needs an agent, and works with one', async () => {
  const file = path.join(work, 'locked')
  writeFileSync(file, readFileSync(path.join(clouds.folder, 'id_ed25519')), { mode: 0o600 })
  await runOrThrow(['ssh-keygen', '-q', '-p', '-P', '', '-N', 'a passphrase', '-f', file])
  const locked = await withValues('locked', { IONOS_SSH_KEY: file })
  expect(locked.code).toBe(4)
  expect(locked.stderr).toContain(`The private key ${file} has a passphrase, and no ssh agent holds it`)
  expect(locked.stderr).toContain(`ssh-add ${file}`)
  const socket = path.join(work, 'agent')
  const agent = spawn('ssh-agent', ['-D', '-a', socket], { stdio: ['ignore', 'pipe', 'ignore'] })
  agentPid = agent.pid!
  await once(agent.stdout!, 'data')
  const add = (key: string) => runOrThrow(['ssh-add', '-q', key], { env: { SSH_AUTH_SOCK: socket } })
  // More than sshd's MaxAuthTries, and the right one is the last.
  for (const number of [1, 2, 3, 4, 5, 6, 7]) {
    await keyFile(`other${number}`, '-N', '')
    await add(path.join(work, `other${number}`))
  }
  await add(path.join(clouds.folder, 'id_ed25519'))
  const many = await withValues('locked', { IONOS_SSH_KEY: file }, socket)
  expect(many.code).toBe(4)
  expect(many.stderr).toContain('after too many keys of the ssh agent')
  expect(many.stderr).toContain('IONOS_SSH_KEY')
  writeFileSync(`${file}.pub`, readFileSync(path.join(clouds.folder, 'id_ed25519.pub')))
  const opened = await withValues('locked', { IONOS_SSH_KEY: file }, socket)
  expect(opened.code, opened.stderr).toBe(0)
})

test('no key at all', async () => {
  const done = await withValues('nokey', { IONOS_SSH_KEY: '' })
  expect(done.code).toBe(4)
  expect(done.stderr).toContain('No key available to log in')
})

test('an unreachable VPS: port, route and name are distinguished', async () => {
  const refused = await withValues('port', { IONOS_PORT: '2222' })
  expect(refused.code).toBe(3)
  expect(refused.stderr).toContain('cannot be reached on port 2222: nothing listens on that port')
  expect(refused.stderr).toContain('IONOS_PORT')
  const free = clouds.state.vps.replace(/\d+$/, '253')
  const silent = await withValues('route', { IONOS_HOST: free, IONOS_PUBLIC_IP: clouds.state.vps })
  expect(silent.code).toBe(3)
  expect(silent.stderr).toMatch(/cannot be reached on port 22: (there is no route to it|nothing answers)/)
  const name = await withValues('name', {
    IONOS_HOST: 'no-such-host.codexdominion.app',
    IONOS_PUBLIC_IP: clouds.state.vps,
  })
  expect(name.code).toBe(3)
  expect(name.stderr).toContain('the name does not resolve')
  expect(name.stderr).toContain('IONOS_HOST')
})

test('another program than sshd answers on the port', async () => {
  const server: Server = createServer((socket) => socket.end()).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const values = { IONOS_HOST: '127.0.0.1', IONOS_PUBLIC_IP: clouds.state.vps, IONOS_PORT: String(port) }
  const done = await withValues('mute', values)
  server.close()
  expect(done.code).toBe(3)
  expect(done.stderr).toContain(`Something accepts connections to 127.0.0.1:${port} and closes them at once`)
})

test('a user that is not root needs sudo without a password, and with it does everything', async () => {
  await ssh(
    clouds,
    'useradd -m -s /bin/sh -p "*" deploy && install -d -m 700 -o deploy /home/deploy/.ssh && install -m 600 -o deploy /root/.ssh/authorized_keys /home/deploy/.ssh/',
  )
  await speak('de_DE.UTF-8', 'de_DE.UTF-8')
  const values = { IONOS_USER: 'deploy', DASHBOARD_DIR: dashboard }
  const without = await withValues('deploy', values)
  expect(without.code).toBe(4)
  expect(without.stderr).toContain('sudo is not installed there')
  await ssh(
    clouds,
    'apt-get -q update && DEBIAN_FRONTEND=noninteractive apt-get -q install -y --no-install-recommends sudo',
  )
  const asked = await withValues('deploy', values)
  expect(asked.code).toBe(4)
  expect(asked.stderr).toContain('deploy may not use sudo without a password')
  expect(asked.stderr).toContain('deploy ALL=(ALL) NOPASSWD: ALL')
  // This sudo keeps no locale from the connection.
  const rules = 'deploy ALL=(ALL) NOPASSWD: ALL\nDefaults env_check -= "LC_*", env_keep -= "LC_*"'
  await ssh(clouds, `echo '${rules}' > /etc/sudoers.d/deploy && chmod 440 /etc/sudoers.d/deploy`)
  for (const script of ['setup-server', 'publish-frontend', 'issue-certificate']) {
    const done = await clouds.dominion([script], { environment: 'test-ssh-deploy' })
    expect(done.code, done.stderr).toBe(0)
    expect(done.stderr, 'the receipt is kept').not.toContain('!')
  }
  const receipts = await ssh(clouds, 'ls /var/lib/codex-dominion/receipts')
  expect(receipts).toContain('issue-certificate')
})

test('a dpkg that was killed on the VPS is repaired', async () => {
  // Killed as soon as its journal exists: in the middle of unpacking.
  const killed = await ssh(
    clouds,
    `export LC_ALL=C DEBIAN_FRONTEND=noninteractive
    dpkg --remove certbot python3-certbot python3-acme > /dev/null
    apt-get -q install -y --no-install-recommends certbot > /tmp/install.log 2>&1 &
    until ls /var/lib/dpkg/updates | grep -q '^[0-9]'; do
      kill -0 $! || { cat /tmp/install.log; exit 1; }
    done
    kill -9 $(pgrep -x dpkg) $!
    apt-get -q install -y nginx 2>&1 || true`,
  )
  expect(killed, 'apt refuses to work').toContain('dpkg was interrupted')
  const plan = await clouds.dominion(['setup-server', '--dry-run'])
  expect(plan.stdout).toContain('repair an interrupted dpkg')
  const done = await clouds.dominion(['setup-server'])
  expect(done.code, done.stderr).toBe(0)
  expect(await ssh(clouds, 'dpkg --audit; certbot --version 2>&1')).toMatch(/^certbot \d/)
  const again = await clouds.dominion(['setup-server', '--dry-run', '--detailed-exitcode'])
  expect(again.code, again.stdout).toBe(0)
})
