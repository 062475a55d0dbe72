import { once } from 'node:events'
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer as createHttp } from 'node:http'
import { type AddressInfo, createServer } from 'node:net'
import path from 'node:path'
import ssh2 from 'ssh2'
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../../lib/config/load.ts'
import { backendHost, home, temporaryFolder, withBackendHost } from '../../support/helpers.ts'
import { start } from '../../support/runScript.ts'
import { startNameServer } from '../../support/servers.ts'
import { createSshKey } from '../../support/sshKey.ts'

/*
 * Every remote party tries to manipulate the terminal: clear it, retitle it, fill its clipboard, hide text, reverse it.
 * The scripts run as processes; every byte that they print or store is examined.
 */

const attack =
  '\x1b[2J\x1b[8mhidden\x9b31m\x1b]0;owned\x07\x1b]8;;http://evil.test\x1b\\link\x9d52;c;cm0gLXJm\x9c\b\rover\u202eright\u2066\u200b'
/** What remains visible where the text is shown in full. */
const seen = '\\x1b[2J\\x1b[8mhidden'
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const steering = /[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/
/** The styles that this tool uses, and no others. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are sequences of a terminal
const ownStyles = /\x1b\[(2|22|31|32|33|35|36|39|94)m/g

async function port(server: { listen(port: number, host: string): unknown; address(): unknown }) {
  server.listen(0, '127.0.0.1')
  await once(server as never, 'listening')
  return (server.address() as AddressInfo).port
}

/** A folder with this `.env`, and an `az` whose every word is an attack. */
function getFolder(...lines: string[]): string {
  const cwd = temporaryFolder()
  const text = JSON.stringify(attack)
  writeFileSync(
    path.join(cwd, 'az'),
    `#!${process.execPath}\nprocess.stdout.write(${text}); process.stderr.write('ERROR: ' + ${text} + '\\n'); process.exit(1)\n`,
    { mode: 0o755 },
  )
  writeFileSync(
    path.join(cwd, '.env'),
    ['POSTGRES_PASSWORD=Good-Horse-9-battery', 'APP_SECRET_KEY=Good-app-key-of-tests', ...lines].join('\n'),
  )
  return cwd
}

/** Runs a script plain, with colours and with --json, and examines every byte. Returns the plain output. */
async function harmless(cwd: string, ...argv: string[]): Promise<string> {
  const run = (more: string[], env: Record<string, string> = {}) =>
    start([path.join(home, 'bin', 'dominion.js'), ...argv, ...more], {
      cwd,
      env: { PATH: `${cwd}:${process.env.PATH}`, HOME: cwd, ...env },
    }).ended
  const plain = await run(['--verbose'])
  expect(plain.stdout + plain.stderr).not.toMatch(steering)
  const coloured = await run([], { FORCE_COLOR: '1' })
  expect((coloured.stdout + coloured.stderr).replaceAll(ownStyles, '')).not.toMatch(steering)
  const json = await run(['--json'])
  expect(json.stdout + json.stderr).not.toMatch(steering)
  expect(() => JSON.parse(json.stdout)).not.toThrow()
  const kept = path.join(cwd, '.dominion')
  for (const name of readdirSync(kept, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.jsonl')) continue
    const text = readFileSync(path.join(kept, name), 'utf8')
    expect(text, name).not.toMatch(steering)
    for (const line of text.trim().split('\n')) JSON.parse(line)
  }
  return plain.stdout + plain.stderr
}

test('az', async () => {
  expect(await harmless(getFolder(), 'build-image')).toContain(seen)
  expect(await harmless(getFolder(), 'health', '--only', 'containers', '--format', 'table')).toContain(seen)
})

test('another program on the port of sshd', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.end(`${attack}\r\nSSH-2.0-${attack}\r\n${attack}`)
  })
  onTestFinished(() => void server.close())
  await harmless(getFolder('IONOS_HOST=127.0.0.1', `IONOS_PORT=${await port(server)}`), 'unlock')
})

test('a fake sshd: its banner, its reason to hang up, the output of its commands', async () => {
  const key = createSshKey()
  for (const accepts of [false, true]) {
    const server = new ssh2.Server({ hostKeys: [key.private], banner: attack, ident: 'impostor' }, (peer) => {
      peer.on('error', () => {})
      peer.on('authentication', (asked) => (accepts ? asked.accept() : asked.reject([attack as never])))
      peer.on('session', (accept) =>
        accept().on('exec', (begin) => {
          const channel = begin()
          channel.write(attack)
          channel.stderr.write(`${attack}\n`)
          channel.exit(1)
          channel.end()
        }),
      )
    })
    onTestFinished(() => void server.close())
    const cwd = getFolder(
      'IONOS_HOST=127.0.0.1',
      `IONOS_PORT=${await port(server)}`,
      'IONOS_SSH_KEY=id',
      'IONOS_KNOWN_HOSTS=known',
    )
    const known = `[127.0.0.1]:${(server.address() as AddressInfo).port}`
    writeFileSync(path.join(cwd, 'known'), `${known} ${key.public}\n`)
    writeFileSync(path.join(cwd, 'id'), createSshKey().private, { mode: 0o600 })
    const said = await harmless(cwd, 'unlock')
    if (accepts) expect(said).toContain(seen)
    else expect(said).toContain('accepted none of the keys tried for root')
  }
})

test.runIf(process.platform === 'linux')(
  'the body of /health, and the addresses of a name server',
  async () => {
    const address = '127.91.7.3'
    const server = createHttp((_, outgoing) => outgoing.writeHead(503).end(JSON.stringify({ error: attack })))
    onTestFinished(() => void server.close())
    server.listen(5000, address)
    await once(server, 'listening')
    const dns = await startNameServer({ [backendHost]: [address] })
    const cwd = getFolder(`DNS_SERVER=${dns}`)
    withBackendHost(await loadConfig(cwd))
    const line = ['health', '--quick', '--only', 'backend']
    expect(await harmless(cwd, ...line, '--format', 'table')).toContain('hidden\\x9b31m')
    // In the line of a monitoring plugin, spaces replace them.
    expect(await harmless(cwd, ...line)).toContain('over\\u202eright')
  },
)

test('receipts written by somebody else', async () => {
  const cwd = getFolder('IONOS_HOST=127.0.0.1', 'IONOS_PORT=9')
  const folder = path.join(cwd, '.dominion', 'default', 'receipts')
  mkdirSync(folder, { recursive: true })
  const id = '20261122T100000Z-deploy-complete-1'
  const receipt = {
    ...{ id, line: `npx dominion ${attack}`, by: attack, started: '2026-11-22T10:00:00.000Z', seconds: 1 },
    ...{ result: 'failed', revision: attack, image: attack, digest: '', frontend: attack },
    changed: [
      { id: 'a', title: attack, what: attack, fields: [{ name: attack, after: attack }], seconds: 1 },
    ],
    ...{ unchanged: [attack], failed: [{ id: attack, error: attack }] },
    ...{ longestChain: { seconds: 1, ids: [attack] }, commands: { read: 1, change: 1, record: 1 } },
  }
  writeFileSync(path.join(folder, `${id}.json`), JSON.stringify(receipt))
  expect(await harmless(cwd, 'history')).toContain('\\x1b[2J')
  expect(await harmless(cwd, 'history', '--show', id)).toContain(seen)
})

test('typed or pasted text', async () => {
  const cwd = getFolder()
  mkdirSync(path.join(cwd, '.dominion'))
  await harmless(cwd, 'history', '--env', attack)
  await harmless(cwd, 'history', '--show', attack)
  await harmless(cwd, 'health', '--only', attack)
  writeFileSync(path.join(cwd, '.env'), `DOMAIN=${attack}\n`)
  await harmless(cwd, 'cost')
})
