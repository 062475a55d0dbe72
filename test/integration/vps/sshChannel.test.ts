import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Remote } from '../../../lib/shell/remote.ts'
import { createRemote } from '../../../lib/vps/ssh/channel.ts'
import { getFailure, testHost } from '../../support/helpers.ts'
import { createSshKey } from '../../support/sshKey.ts'

/*
 * An ssh server that answers at once: opening, output, exit code and closing reach the client in one packet. It does
 * not simulate the shell that waits for its line (ssh/sessions.ts): such a session is refused, as a full server does.
 * Its login shell prints the greeting that a test sets.
 */

let greeting = { stdout: '', stderr: '' }
let greetings: string[] = []

/** The line and the markers, stdout's and stderr's, in what sshd is asked to run (ssh/frame.ts). */
function understood(asked: string): { line: string; marker: string; errorMarker: string } {
  const [, first, second] = /printf %s%s (\w+) (\w+);/.exec(asked)!
  const [, encoded] = /' sh '([^']*)'$/.exec(asked)!
  const line = encoded!.replaceAll(/\\0(\d{3})/g, (_, octal) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  )
  return { line, marker: `${first}${second}`, errorMarker: `${second}${first}` }
}

let server: InstanceType<typeof ssh2.Server>
let client: InstanceType<typeof ssh2.Client>
let remote: Remote

beforeAll(async () => {
  const key = createSshKey()
  server = new ssh2.Server({ hostKeys: [key.private] }, (peer) => {
    peer.on('error', () => {})
    peer.on('authentication', (asked) => asked.accept())
    peer.on('session', (accept) =>
      accept().on('exec', (begin, refuse, { command: asked }) => {
        if (asked.includes('read -r length')) return refuse()
        const { line: command, marker, errorMarker } = understood(asked)
        const channel = begin()
        channel.write(greeting.stdout)
        channel.stderr.write(greeting.stderr)
        if (command === 'nologin') {
          channel.exit(1)
          return channel.end()
        }
        channel.write(marker.slice(0, 5)) // A marker may arrive in two chunks.
        channel.write(marker.slice(5))
        channel.stderr.write(errorMarker)
        channel.write(command === 'held' || command === 'robbed' ? 'held\n' : `out of ${command}`)
        if (command === 'endless' || command === 'held') return
        channel.stderr.write(`err of ${command}`)
        if (command === 'killed' || command === 'robbed') channel.exit('KILL', false, '')
        else channel.exit(7)
        channel.end()
      }),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  client = new ssh2.Client()
  client.connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, username: 'someone' })
  await once(client, 'ready')
  remote = createRemote(client, { ...testHost, address: '127.0.0.1', user: 'someone' }, (text) =>
    greetings.push(text),
  )
})
afterAll(() => {
  remote?.close()
  server?.close()
})

const exec = (line: string) => remote.exec(line, { timeoutMs: 5000, signal: AbortSignal.timeout(5000) })

test('output and exit code of a program that ended before there was a listener', async () => {
  const done = await Promise.all(Array.from({ length: 30 }, (_none, index) => exec(`line ${index}`)))
  expect(done).toEqual(
    done.map((_result, index) => ({
      code: 7,
      stdout: `out of line ${index}`,
      stderr: `err of line ${index}`,
      timedOut: false,
    })),
  )
})

test('a stream ends with its exit code; a consumer that stops closes it', async () => {
  const stream = remote.stream('line', { signal: new AbortController().signal })
  expect(String((await stream.next()).value)).toBe('out of line')
  expect(await stream.next()).toEqual({ done: true, value: { code: 7, stderr: 'err of line' } })
  // More in a row than sshd's session limit: none of them may stay open.
  for (let count = 0; count < 12; count++)
    for await (const _chunk of remote.stream('endless', { signal: new AbortController().signal })) break
  const stop = new AbortController()
  const endless = remote.stream('endless', { signal: stop.signal })
  await endless.next()
  stop.abort()
  while (!(await endless.next()).done);
})

test('what a login shell prints before the line is not its output, and is reported once', async () => {
  greeting = { stdout: 'hello\nwithout an end', stderr: 'stty: not a tty\n' }
  greetings = []
  expect(await exec('one')).toMatchObject({ code: 7, stdout: 'out of one', stderr: 'err of one' })
  const stream = remote.stream('two', { signal: new AbortController().signal })
  const chunks: string[] = []
  for (let next = await stream.next(); ; next = await stream.next()) {
    if (next.done) {
      expect(next.value).toEqual({ code: 7, stderr: 'err of two' })
      break
    }
    chunks.push(String(next.value))
  }
  expect(chunks.join('')).toBe('out of two')
  expect(await remote.hold('hold', 1000)).toMatchObject({ firstLine: 'out of hold' })
  expect(greetings).toEqual(['hello\nwithout an end\nstty: not a tty\n'])
})

test('a login shell that ends before the line is not a success', async () => {
  greeting = { stdout: 'This account is currently not available.\n', stderr: '' }
  const failure = await getFailure(exec('nologin'))
  expect(failure).toMatchObject({
    what: 'The login shell of someone on 127.0.0.1 ended before it ran the command (exit 1)',
    said: 'This account is currently not available.',
    exitCode: 3,
  })
  greeting = { stdout: '', stderr: '' }
})

test('a program that was killed there has no exit code', async () => {
  expect(await exec('killed')).toMatchObject({ code: -1, stdout: 'out of killed' })
})

test('a held line that ends at once says so', async () => {
  const held = await remote.hold('hold', 1000)
  expect(held).toMatchObject({ firstLine: 'out of hold', code: 7 })
})

test('a held line is lost when somebody ends it there or the connection breaks', async () => {
  const robbed = await remote.hold('robbed', 1000)
  expect([robbed.firstLine, await robbed.lost]).toEqual(['held', 'ended'])
  const held = await remote.hold('held', 1000)
  expect(held.firstLine).toBe('held')
  client.destroy()
  expect(await held.lost).toBe('cut')
})
