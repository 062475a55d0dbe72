import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type Command, local, type Query } from '../../../lib/shell/command.ts'
import type { Remote } from '../../../lib/shell/remote.ts'
import { startProcess } from '../../../lib/shell/spawn.ts'
import {
  getFailure,
  isRunning,
  onVps,
  openRunner,
  readTranscript,
  temporaryFolder,
  testHost,
} from '../../support/helpers.ts'

const sh = (script: string, ...args: string[]): Command['argv'] => ['sh', '-c', script, 'sh', ...args]

/** A script that fails, printing `words`, until it has been started `times` times. */
const busyUntil = (folder: string, times: number, words: string): Command['argv'] =>
  sh(
    'echo x >> "$1/tries"; [ "$(wc -l < "$1/tries")" -ge "$2" ] && echo done && exit 0; echo "$3" >&2; exit 1',
    ...[folder, String(times), words],
  )

test('a command returns its output, and arguments arrive byte for byte, without a shell', async () => {
  const words = ['a b', "it's", '$(id)', '*', '\n', '', 'ünï']
  const result = await openRunner().run(local`printf ${'%s\\0'} ${words}`)
  expect(result).toMatchObject({ code: 0, stderr: '', timedOut: false })
  expect(result.stdout.split('\0').slice(0, -1)).toEqual(words)
})

test('the working folder, the environment and stdin are those of the command', async () => {
  const cwd = temporaryFolder()
  const runner = openRunner({ env: { ...process.env, A: 'outer', B: 'outer' } })
  const { stdout } = await runner.run(
    local({ cwd, env: { B: 'inner' }, stdin: 'words\n' })`${sh('pwd; echo "$A $B"; cat')}`,
  )
  expect(stdout).toBe(`${cwd}\nouter inner\nwords\n`)
})

test('the proxy of one program is not passed to another', async () => {
  const proxied = (program: string) =>
    openRunner({ envOf: { [program]: { HTTPS_PROXY: 'http://127.0.0.1:9' } } })
  const asked = local({ env: {} })`sh -c ${'echo "proxy=$HTTPS_PROXY"'}`
  expect((await proxied('sh').run(asked)).stdout).toBe('proxy=http://127.0.0.1:9\n')
  expect((await proxied('az').run(asked)).stdout).toBe(`proxy=${process.env.HTTPS_PROXY ?? ''}\n`)
})

test('a failure says what failed, the tool’s output and the command; explain takes precedence', async () => {
  const failure = await getFailure(openRunner().run(local`${sh('echo out; echo err >&2; exit 7')}`))
  expect(failure.what).toBe('sh echo out; echo err >&2; exit 7 failed (exit 7)')
  expect(failure).toMatchObject({ said: 'out\nerr', exitCode: 1 })
  expect(failure.next).toContain("The command was: sh -c 'echo out; echo err >&2; exit 7'")
  const explained = local({
    explain: (output) => (output.includes('no login') ? { what: 'Not logged in', exitCode: 4 } : undefined),
  })`${sh('echo no login >&2; exit 1')}`
  expect(await getFailure(openRunner().run(explained))).toMatchObject({ what: 'Not logged in', exitCode: 4 })
})

test('only the last 50 lines of a long failure are shown', async () => {
  const { said } = await getFailure(openRunner().run(local`${sh('seq 1 200; exit 1')}`))
  expect(said?.split('\n')).toHaveLength(50)
  expect(said).toMatch(/^151\n[\s\S]*\n200$/)
})

test('an accepted exit code is an answer', async () => {
  const { code, stdout } = await openRunner().run(local({ accept: [0, 3] })`${sh('echo none; exit 3')}`)
  expect([code, stdout]).toEqual([3, 'none\n'])
  await getFailure(openRunner().run(local({ accept: [3] })`${sh('exit 0')}`))
})

test('a busy cloud is retried as often as the command says, and the attempts are recorded', async () => {
  const folder = temporaryFolder()
  const retry = { times: 3, pauseMs: 5, when: /still transitioning/ }
  const runner = openRunner()
  const { stdout } = await runner.run(local.change({ retry })`${busyUntil(folder, 3, 'still transitioning')}`)
  expect(stdout).toBe('done\n')
  expect(readTranscript(runner).map(({ tries, code }) => [tries, code])).toEqual([
    [1, 1],
    [2, 1],
    [3, 0],
  ])
})

test('a failure of another kind is not retried, and a busy cloud not forever', async () => {
  const retry = { times: 3, pauseMs: 5, when: /still transitioning/ }
  const tries = (folder: string) => readFileSync(path.join(folder, 'tries'), 'utf8').length / 2
  const [wrong, busy] = [temporaryFolder(), temporaryFolder()]
  await getFailure(openRunner().run(local.change({ retry })`${busyUntil(wrong, 9, 'no such thing')}`))
  await getFailure(openRunner().run(local.change({ retry })`${busyUntil(busy, 9, 'still transitioning')}`))
  expect([tries(wrong), tries(busy)]).toEqual([1, 3])
})

test('a stream on stdin is reopened for each attempt', async () => {
  let opened = 0
  const stdin = () => Readable.from([`attempt ${++opened}`])
  const retry = { times: 2, pauseMs: 1, when: /busy/ }
  const command = local.change({
    stdin,
    retry,
  })`${sh('read -r words; echo "$words"; [ "$words" = "attempt 2" ] || { echo busy; exit 1; }')}`
  expect((await openRunner().run(command)).stdout).toBe('attempt 2\n')
})

test('a program that does not read its stdin is not a failure', async () => {
  expect(await openRunner().run(local({ stdin: 'x'.repeat(5_000_000) })`true`)).toMatchObject({ code: 0 })
})

test('a time-out ends the process and everything it started', async () => {
  const file = path.join(temporaryFolder(), 'pid')
  const command = local({ timeoutMs: 400 })`${sh('sleep 300 & echo $! > "$1"; wait', file)}`
  const failure = await getFailure(openRunner().run(command))
  expect(failure.what).toMatch(/did not finish within 0.4 s/)
  await pause(50)
  expect(isRunning(Number(readFileSync(file, 'utf8')))).toBe(false)
})

test('a process that ignores SIGTERM is killed five seconds later', async () => {
  const file = path.join(temporaryFolder(), 'pid')
  const started = Date.now()
  const command = local({
    timeoutMs: 200,
  })`${sh('trap "" TERM; sleep 300 & echo $! > "$1"; while :; do wait; sleep 1; done', file)}`
  await getFailure(openRunner().run(command))
  expect(Date.now() - started).toBeGreaterThan(4900)
  await pause(50)
  expect(isRunning(Number(readFileSync(file, 'utf8')))).toBe(false)
})

test('the second Ctrl-C ends running commands and starts nothing new', async () => {
  const stop = new AbortController()
  const runner = openRunner({ signal: stop.signal })
  const folder = temporaryFolder()
  const running = runner.run(local`${sh('echo $$ > "$1/pid"; exec sleep 300', folder)}`)
  while (!existsSync(path.join(folder, 'pid'))) await pause(10)
  setTimeout(() => stop.abort(), 50)
  await expect(running).rejects.toThrow('failed (exit -1)')
  expect(isRunning(Number(readFileSync(path.join(folder, 'pid'), 'utf8')))).toBe(false)
  await expect(runner.run(local.change`touch ${path.join(folder, 'late')}`)).rejects.toThrow()
  expect(existsSync(path.join(folder, 'late'))).toBe(false)
})

test('the second Ctrl-C ends the pause before another attempt', async () => {
  const stop = new AbortController()
  const folder = temporaryFolder()
  const retry = { times: 5, pauseMs: 60_000, when: /busy/ }
  const running = openRunner({ signal: stop.signal }).run(
    local.change({ retry })`${busyUntil(folder, 9, 'busy')}`,
  )
  setTimeout(() => stop.abort(), 300)
  await expect(running).rejects.toThrow()
  expect(readFileSync(path.join(folder, 'tries'), 'utf8')).toBe('x\n')
})

test('a program that is not installed leaves the state unknown; for az, says how to install it', async () => {
  expect(await getFailure(openRunner().run(local`no-such-program-here`))).toEqual({
    what: 'no-such-program-here is not installed, or not on the PATH',
    exitCode: 3,
  })
  const bare = openRunner({ env: { PATH: temporaryFolder() } })
  expect((await getFailure(bare.run(local`az version`))).next).toContain('apt-get install azure-cli')
})

test('a missing working folder is not mistaken for a missing program', async () => {
  const cwd = path.join(temporaryFolder(), 'gone')
  const thrown = await openRunner().run(local({ cwd })`true`).then(String, String)
  expect(thrown).toContain(cwd)
  expect(thrown).not.toContain('not installed')
})

test('a dry run refuses changes and records from any caller, but still reads', async () => {
  const folder = temporaryFolder()
  const runner = openRunner({ mayChange: false })
  const touch = local.change`touch ${path.join(folder, 'made')}`
  await expect(runner.run(touch)).rejects.toThrow('a dry run must not run: touch')
  await expect(runner.run({ ...touch, effect: 'record' })).rejects.toThrow('a dry run must not run')
  const post = { method: 'POST', url: 'http://127.0.0.1:9/', effect: 'change', timeoutMs: 1000 } as const
  await expect(runner.request(post)).rejects.toThrow('a dry run must not run: POST')
  await expect(runner.query({ text: 'DROP TABLE x', effect: 'change' })).rejects.toThrow('sql: DROP TABLE x')
  expect(existsSync(path.join(folder, 'made'))).toBe(false)
  expect((await runner.run(local`echo seen`)).stdout).toBe('seen\n')
  expect(runner.count).toEqual({ read: 1, change: 0, record: 0 })
})

test('commands are counted by their effect', async () => {
  const runner = openRunner()
  await runner.run(local`true`)
  await runner.run(local.change`true`)
  await runner.run(local.record`true`)
  await getFailure(runner.run(local.change`false`))
  expect(runner.count).toEqual({ read: 1, change: 2, record: 1 })
})

test('the transcript is readable only by its owner, with one JSON object per line and no secrets', async () => {
  const runner = openRunner({ known: ['hunter2'] })
  await runner.run(local`echo ${'the password is hunter2'}`)
  await getFailure(runner.run(local`${sh('echo "hunter2 refused" >&2; exit 1')}`))
  const { file } = runner.transcript
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect(statSync(path.dirname(file)).mode & 0o777).toBe(0o700)
  expect(readFileSync(file, 'utf8')).not.toContain('hunter2')
  expect(readTranscript(runner)).toMatchObject([
    { kind: 'command', effect: 'read', code: 0, stdout: 'the password is ***\n', timedOut: false },
    { code: 1, stderr: '*** refused\n' },
  ])
})

test('a secret at the edge of the kept output leaves no fragment', async () => {
  const secret = 'S3cret-'.repeat(6)
  const runner = openRunner({ known: [secret] })
  // 4000 characters are kept: the cut is in the middle of the secret.
  await runner.run(local`printf %s ${`${secret}${'.'.repeat(4000 - 20)}`}`)
  expect(readFileSync(runner.transcript.file, 'utf8')).not.toContain('cret-')
})

test('a failure shows no secret, neither in the message nor in the command', async () => {
  const runner = openRunner({ known: ['hunter2'] })
  const failure = await getFailure(runner.run(local`${sh('echo "no hunter2" >&2; exit 1', 'hunter2')}`))
  expect(JSON.stringify(failure)).not.toContain('hunter2')
  expect(failure.said).toBe('no ***')
})

test('secret output is kept out of the transcript', async () => {
  const runner = openRunner()
  const { stdout } = await runner.runPrivately(local`echo fresh-key`)
  expect(stdout).toBe('fresh-key\n')
  expect(readTranscript(runner)[0]).toMatchObject({ stdout: '***' })
})

test('output arrives while the program runs, with secrets removed', async () => {
  const chunks: string[] = []
  await openRunner({ known: ['hunter2'] }).run(local`${sh('echo one; echo hunter2 >&2')}`, (chunk, from) =>
    chunks.push(`${from}: ${chunk}`),
  )
  expect(chunks.sort()).toEqual(['stderr: ***\n', 'stdout: one\n'])
})

test('a secret in two chunks is removed, too', async () => {
  let heard = ''
  await openRunner({ known: ['hunter2-and-more'] }).run(
    local`${sh('printf hunter2-; sleep 0.2; printf "and-more\\n"')}`,
    (chunk) => {
      heard += chunk
    },
  )
  expect(heard).not.toContain('hunter2-and-more')
})

test('SQL goes to the database it names, over one connection each, which closes with the run', async () => {
  const folder = temporaryFolder()
  const opened: (string | undefined)[] = []
  let closed = 0
  const runner = openRunner({
    async openDatabase(name) {
      opened.push(name)
      const database = new DatabaseSync(path.join(folder, name ?? 'db'))
      return {
        times: { dns: 1, tcp: 2, login: 3 },
        query: async <Row>({ text, values = [] }: Query) =>
          database.prepare(text).all(...(values as string[])) as Row[],
        async close() {
          closed++
          if (database.isOpen) database.close()
        },
      }
    },
  })
  await runner.query({ text: 'CREATE TABLE t (name text)', effect: 'change' })
  await runner.query({ text: 'INSERT INTO t VALUES (?)', values: ["O'Hara"], effect: 'change' })
  expect(await runner.query({ text: 'SELECT name FROM t', effect: 'read' })).toEqual([{ name: "O'Hara" }])
  const elsewhere = { text: 'SELECT name FROM t', effect: 'read', database: 'other' } as const
  await expect(runner.query(elsewhere)).rejects.toThrow('no such table')
  expect(await runner.connect('other')).toEqual({ dns: 1, tcp: 2, login: 3 })
  expect(readTranscript(runner).map(({ kind, rows }) => [kind, rows])).toEqual([
    ['query', 0],
    ['query', 0],
    ['query', 1],
    ['query', undefined],
  ])
  await runner.close()
  expect([opened, closed]).toEqual([[undefined, 'other'], 2])
})

/** The far end of a connection, played by a shell on this machine. */
const shellHere: Remote = {
  exec: (line, options) => startProcess(['sh', '-c', line], { ...options, env: process.env }),
  async *stream(line, { signal }) {
    const child = spawn('sh', ['-c', line], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    const closed = once(child, 'close')
    const end = () => {
      try {
        process.kill(-child.pid!)
      } catch {
        // It has ended, and so has everything it started.
      }
    }
    signal.addEventListener('abort', end)
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk
    })
    try {
      yield* child.stdout
      return { code: (await closed)[0] ?? -1, stderr }
    } finally {
      end()
      await closed
    }
  },
  hold: () => Promise.reject(new Error('not held here')),
  close() {},
}

test('a line for the VPS reaches its shell quoted and in its folder, over one connection', async () => {
  let opened = 0
  const runner = openRunner({
    async openHost() {
      opened++
      return shellHere
    },
  })
  const cwd = path.join(temporaryFolder(), "it's $(here)")
  execFileSync('mkdir', [cwd])
  const words = ["it's", '$(touch pwned)', '`id`', '*', '']
  const { stdout } = await runner.run(onVps({ cwd })`printf ${'%s\\0'} ${words}`)
  expect(stdout.split('\0').slice(0, -1)).toEqual(words)
  expect((await runner.run(onVps({ cwd })`pwd`)).stdout).toBe(`${cwd}\n`)
  expect(existsSync(path.join(cwd, 'pwned'))).toBe(false)
  expect(opened).toBe(1)
  expect((await getFailure(runner.run(onVps`false`))).what).toBe('false on the VPS failed (exit 1)')
})

test('a stream is passed on as it arrives, and only its length is recorded', async () => {
  const runner = openRunner({ openHost: async () => shellHere })
  const stream = (script: string, signal = new AbortController().signal) =>
    runner.stream(onVps`sh -c ${script}`, signal)
  const chunks = await Readable.from(stream('echo one; sleep 0.2; echo two')).toArray()
  expect(chunks.map(String)).toEqual(['one\n', 'two\n'])
  const failure = await getFailure(Readable.from(stream('echo out; echo why >&2; exit 3')).toArray())
  expect(failure).toMatchObject({ what: expect.stringContaining('on the VPS failed (exit 3)'), said: 'why' })
  for await (const chunk of stream('while echo more; do sleep 0.01; done')) {
    expect(String(chunk)).toContain('more')
    break
  }
  const stop = new AbortController()
  for await (const _chunk of stream('echo on; exec sleep 60', stop.signal)) stop.abort()
  expect(readTranscript(runner)).toMatchObject([
    { kind: 'command', effect: 'read', code: 0, bytes: 8 },
    { code: 3, bytes: 4, stderr: 'why\n' },
    { code: -1 },
    { bytes: 3 },
  ])
  await runner.close()
})

test('the next command retries a connection that could not be opened', async () => {
  let opened = 0
  const runner = openRunner({
    async openHost() {
      if (++opened === 1) throw new Error('unreachable')
      return shellHere
    },
  })
  await expect(runner.run(onVps`true`)).rejects.toThrow('unreachable')
  expect(await runner.run(onVps`true`)).toMatchObject({ code: 0 })
  expect(readTranscript(runner)).toMatchObject([{ error: 'unreachable' }, { code: 0 }])
})

test('a connection started early is opened once, reports its failure to its first user, and is dropped if unused', async () => {
  let opened = 0
  const failing = openRunner({
    async openHost() {
      if (++opened === 1) throw new Error('unreachable')
      return shellHere
    },
  })
  await failing.beginConnecting(testHost)
  await expect(failing.run(onVps`true`)).rejects.toThrow('unreachable')
  expect(opened).toBe(1)
  await failing.run(onVps`true`)
  const unused = openRunner({
    openHost: (_host, leaving) =>
      new Promise((_, reject) => leaving.addEventListener('abort', () => reject(leaving.reason))),
  })
  await unused.beginConnecting(testHost)
  await unused.close()
})

test('a program that is not executable is not a silent success', async () => {
  const file = path.join(temporaryFolder(), 'tool')
  writeFileSync(file, '#!/bin/sh\n', { mode: 0o644 })
  await expect(openRunner().run(local`${file}`)).rejects.toThrow(/EACCES|not installed/)
})
