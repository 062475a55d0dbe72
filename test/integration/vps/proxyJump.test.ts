import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net, { type AddressInfo } from 'node:net'
import path from 'node:path'
import ssh2 from 'ssh2'
import { expect, onTestFinished, test } from 'vitest'
import type { Runner } from '../../../lib/shell/runner.ts'
import { openHost } from '../../../lib/vps/ssh/connect.ts'
import { getFailure, loadTestConfig, openRunner, temporaryFolder, testHost } from '../../support/helpers.ts'
import { createSshKey } from '../../support/sshKey.ts'

/* The VPS behind a jump host: its address leads nowhere from here, only the jump host knows the way. */

/** An ssh server that runs lines in a shell and forwards every connection to `target`; `users` are those who log in. */
async function startServer(target?: number) {
  const key = createSshKey()
  const users: string[] = []
  const asked: string[] = []
  const server = new ssh2.Server({ hostKeys: [key.private] }, (peer) => {
    peer.on('error', () => {})
    peer.on('authentication', (login) => {
      if (login.method !== 'publickey') return login.reject(['publickey'])
      if (login.signature) users.push(login.username)
      login.accept()
    })
    peer.on('tcpip', (accept, reject, { destIP, destPort }) => {
      asked.push(`${destIP}:${destPort}`)
      if (target === undefined) return reject()
      const socket = net.connect(target, '127.0.0.1')
      const channel = accept()
      channel.pipe(socket).pipe(channel)
      socket.on('error', () => channel.end())
    })
    peer.on('session', (accept) =>
      accept().on('exec', (begin, refuse, { command }) => {
        if (command.includes('read -r length')) return refuse()
        const channel = begin()
        const shell = spawn('sh', ['-c', command])
        shell.stdout.pipe(channel, { end: false })
        shell.stderr.pipe(channel.stderr, { end: false })
        shell.on('close', (code) => {
          channel.exit(code ?? 1)
          channel.end()
        })
      }),
    )
  })
  const sockets: net.Socket[] = []
  const listener = net.createServer((socket) => {
    sockets.push(socket)
    server.injectSocket(socket)
  })
  await once(listener.listen(0, '127.0.0.1'), 'listening')
  onTestFinished(() => void listener.close())
  const { port } = listener.address() as AddressInfo
  const lose = () => {
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return { port, lose, users, asked, publicKey: key.public.split(' ').slice(0, 2).join(' ') }
}

/** A login at the VPS 192.0.2.1 whose ssh configuration has these lines, and what was said. */
async function world(lines: readonly string[], known: readonly string[]) {
  const folder = temporaryFolder()
  const file = (name: string, text: string) => {
    writeFileSync(path.join(folder, name), text, { mode: 0o600 })
    return path.join(folder, name)
  }
  const identity = file('id', createSshKey().private)
  const usual = [`identityfile ${path.join(folder, '%r-of-nobody')}`, `identityfile ${identity}`]
  const files = `userknownhostsfile ${file('known_one', known[0] ?? '')} ${file('known_two', known.slice(1).join('\n'))}`
  const asked: string[] = []
  const run: Runner['run'] = async ({ argv }) => {
    asked.push(argv.join(' '))
    const settings = argv.at(-1) === testHost.address ? lines : []
    const port = argv.includes('-p') ? [`port ${String(argv[argv.indexOf('-p') + 1])}`] : []
    const stdout = [...usual, files, 'identityagent none', ...port, ...settings].join('\n')
    return { code: 0, stdout, stderr: '', timedOut: false }
  }
  const config = await loadTestConfig()
  const notes: string[] = []
  const host = { ...testHost, knownHosts: config.servers[0].knownHosts }
  const open = () =>
    openHost({ config, runner: { ...openRunner(), run } }, host, new AbortController().signal, {
      note: (text) => notes.push(text),
    })
  return { open, asked, notes, folder }
}

test('ProxyJump: the jump host is logged in to first, with its own user, port and host key', async () => {
  const vps = await startServer()
  const jump = await startServer(vps.port)
  const { open, asked } = await world(
    [`proxyjump operator@127.0.0.1:${jump.port}`, 'proxycommand none'],
    [`[127.0.0.1]:${jump.port} ${jump.publicKey}`, `192.0.2.1 ${vps.publicKey}`],
  )
  const remote = await open()
  onTestFinished(() => remote.close())
  const done = await remote.exec('echo hello', { timeoutMs: 20_000, signal: AbortSignal.timeout(20_000) })
  expect(done).toMatchObject({ code: 0, stdout: 'hello\n' })
  expect(asked).toEqual([
    'ssh -G -p 22 -l root -- 192.0.2.1',
    `ssh -G -p ${jump.port} -l operator -- 127.0.0.1`,
  ])
  expect([jump.users, jump.asked, vps.users]).toEqual([['operator'], ['192.0.2.1:22'], ['root']])
})

test('a jump host that is lost during a command: the command fails, and nothing else ends', async () => {
  const vps = await startServer()
  const jump = await startServer(vps.port)
  const { open } = await world(
    [`proxyjump 127.0.0.1:${jump.port}`],
    [`[127.0.0.1]:${jump.port} ${jump.publicKey}`, `192.0.2.1 ${vps.publicKey}`],
  )
  const remote = await open()
  onTestFinished(() => remote.close())
  const done = remote.exec('sleep 5', { timeoutMs: 20_000, signal: AbortSignal.timeout(20_000) })
  setTimeout(jump.lose, 300)
  expect(await getFailure(done)).toMatchObject({ exitCode: 3 })
})

test('an unknown host key of the jump host is refused, and nothing goes further', async () => {
  const vps = await startServer()
  const jump = await startServer(vps.port)
  const { open, folder } = await world([`proxyjump 127.0.0.1:${jump.port}`], [`192.0.2.1 ${vps.publicKey}`])
  const failure = await getFailure(open())
  expect(failure.what).toBe(`The host key of 127.0.0.1:${jump.port} is not known, so nothing was sent to it`)
  expect(failure.next).toContain(path.join(folder, 'known_one'))
  expect([jump.users, vps.users]).toEqual([[], []])
})

test('a key that the second known_hosts file contradicts is known by the first; one that differs is refused by name', async () => {
  const vps = await startServer()
  const jump = await startServer(vps.port)
  const other = createSshKey().public.split(' ').slice(0, 2).join(' ')
  const lines = [`proxyjump 127.0.0.1:${jump.port}`]
  const both = `[127.0.0.1]:${jump.port} ${jump.publicKey}\n192.0.2.1 ${vps.publicKey}`
  const right = await world(lines, [both, `192.0.2.1 ${other}`])
  const remote = await right.open()
  remote.close()
  const wrong = await world(lines, [`[127.0.0.1]:${jump.port} ${jump.publicKey}`, `192.0.2.1 ${other}`])
  expect((await getFailure(wrong.open())).what).toContain(`${path.join(wrong.folder, 'known_two')} line 1`)
})

test('a jump host that does not connect further is named', async () => {
  const jump = await startServer()
  const { open } = await world(
    [`proxyjump 127.0.0.1:${jump.port}`],
    [`[127.0.0.1]:${jump.port} ${jump.publicKey}`],
  )
  const failure = await getFailure(open())
  expect(failure).toMatchObject({
    what: 'The jump host 127.0.0.1 does not connect to 192.0.2.1:22',
    next: expect.stringContaining('AllowTcpForwarding'),
    exitCode: 3,
  })
})

test('a ProxyCommand is named before the connection is tried', async () => {
  const { open, notes } = await world(['proxycommand nc -X 5 %h %p', 'hostname 127.0.0.1'], [])
  await getFailure(open())
  expect(notes).toEqual([expect.stringContaining('ProxyCommand for 192.0.2.1 (nc -X 5 %h %p)')])
})
