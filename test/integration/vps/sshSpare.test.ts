import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import type { ClientChannel } from 'ssh2'
import { expect, onTestFinished, test } from 'vitest'
import { createFrame } from '../../../lib/vps/ssh/frame.ts'
import { createSpareSessions } from '../../../lib/vps/ssh/sessions.ts'

const marker = 'feedfacecafebeefdeadbeef'
const { readingLine: waiting } = createFrame(marker)

/** The sessions of a server, simulated by shells of this machine: the channel is their standard input. */
function server(refuses = false) {
  const shells: ChildProcess[] = []
  const open = async (): Promise<ClientChannel> => {
    if (refuses) throw new Error('refused')
    const shell = spawn('sh', ['-c', waiting], { stdio: ['pipe', 'pipe', 'ignore'] })
    onTestFinished(() => void shell.kill())
    shells.push(shell)
    return shell.stdin as unknown as ClientChannel
  }
  return { shells, open }
}
const turn = () => new Promise((resolve) => setTimeout(resolve))

test('a line runs in a waiting session, with the rest as its input', async () => {
  const { shells, open } = server()
  const spares = createSpareSessions(open, 2)
  expect(spares.take('echo early'), 'none is there before it was asked for').toBeUndefined()
  spares.fill()
  await turn()
  expect(shells).toHaveLength(2)
  spares.take("printf '%s|' 'ü $(id)' \"it's\"; cat; exit 7")!.end('in\nput\n')
  const [said, [code]] = await Promise.all([text(shells[0]!.stdout!), once(shells[0]!, 'exit')])
  expect([said, code]).toEqual([`${marker}ü $(id)|it's|in\nput\n`, 7])
  await turn()
  expect(shells, 'another one waits in its place').toHaveLength(3)
})

test('a line that is cut short does not run, wherever it is cut', async () => {
  for (const cut of [8, 16, 22, 30]) {
    const { shells, open } = server()
    const spares = createSpareSessions(open, 1)
    spares.fill()
    await turn()
    const { stdin } = shells[0]!
    const write = stdin!.write.bind(stdin!)
    stdin!.write = ((whole: string) => write(whole.slice(0, cut))) as never
    spares.take('echo one; echo two')!.end()
    expect(await text(shells[0]!.stdout!), `after ${cut} bytes`).toBe(marker)
  }
})

test('a session that has ended is skipped; a server that refuses is not asked again', async () => {
  const { shells, open } = server()
  const spares = createSpareSessions(open, 1)
  spares.fill()
  await turn()
  shells[0]!.stdin!.destroy()
  expect(spares.take('echo')).toBeUndefined()
  const full = server(true)
  let asked = 0
  const none = createSpareSessions(() => {
    asked++
    return full.open()
  }, 1)
  none.fill()
  await turn()
  none.fill()
  expect([asked, none.take('echo')]).toEqual([1, undefined])
})
