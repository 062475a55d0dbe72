import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Remote } from '../../lib/command/remote.ts'
import type { Config } from '../../lib/config/config.ts'
import { createRemote } from '../../lib/ionos/sshChannel.ts'

/* An ssh server that answers at once: opening, output, exit code and closing reach the client in one packet. It does not
   play the shell that waits for its line (sshSpare.ts): such a session is refused, as a full server does. */

let server: InstanceType<typeof ssh2.Server>
let client: InstanceType<typeof ssh2.Client>
let remote: Remote

beforeAll(async () => {
  const key = ssh2.utils.generateKeyPairSync('ed25519')
  server = new ssh2.Server({ hostKeys: [key.private] }, (peer) => {
    peer.on('error', () => {})
    peer.on('authentication', (asked) => asked.accept())
    peer.on('session', (accept) =>
      accept().on('exec', (begin, refuse, { command }) => {
        if (command.startsWith('exec sh -c')) return refuse()
        const channel = begin()
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
  remote = createRemote(client, { ionos: { host: '127.0.0.1' } } as Config)
})
afterAll(() => {
  remote?.close()
  server?.close()
})

const exec = (line: string) => remote.exec(line, { timeoutMs: 5000, signal: AbortSignal.timeout(5000) })

test('output and exit code of a program that has ended before anybody could listen', async () => {
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

test('a stream ends with its exit code; who takes no more closes it', async () => {
  const stream = remote.stream('line', { signal: new AbortController().signal })
  expect(String((await stream.next()).value)).toBe('out of line')
  expect(await stream.next()).toEqual({ done: true, value: { code: 7, stderr: 'err of line' } })
  // More than sshd's sessions one after the other: none of them may stay open.
  for (let count = 0; count < 12; count++)
    for await (const _chunk of remote.stream('endless', { signal: new AbortController().signal })) break
  const stop = new AbortController()
  const endless = remote.stream('endless', { signal: stop.signal })
  await endless.next()
  stop.abort()
  while (!(await endless.next()).done);
})

test('a program that was killed there has no exit code', async () => {
  expect(await exec('killed')).toMatchObject({ code: -1, stdout: 'out of killed' })
})

test('a held line that ends at once says so', async () => {
  const held = await remote.hold('hold', 1000)
  expect(held).toMatchObject({ firstLine: 'out of hold', code: 7 })
})

test('a held line that is lost: somebody ended it there, or the connection broke', async () => {
  const robbed = await remote.hold('robbed', 1000)
  expect([robbed.firstLine, await robbed.lost]).toEqual(['held', 'ended'])
  const held = await remote.hold('held', 1000)
  expect(held.firstLine).toBe('held')
  client.destroy()
  expect(await held.lost).toBe('cut')
})
