import { spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeMachine, median, undisturbed } from './figures.ts'
import { assertMachine } from './needs.ts'

/**
 * How long every script takes relative to bare Node: with `--help`, and with nothing to do until its first request to a
 * cloud, or until its end if it sends none. Each round measures all scripts once, so that a busy moment affects all
 * alike; the first round fills the compile cache and does not count. If the first request is to az, the duration of
 * calling az alone is subtracted, because it belongs to the remote call. Exit 1 when a script is over its limit.
 */
const rounds = Number(process.argv[2] ?? 15)
const home = path.join(import.meta.dirname, '..')
const limits = { help: 2.5, start: 3 }
/**
 * Calls az and nothing else: loading the code that starts a process, and the start of the stand-in, belong to the
 * remote call.
 */
const azAlone = 'az alone'
const callsAz = `import module from 'node:module'
module.enableCompileCache()
const { startProcess } = await import(${JSON.stringify(path.join(home, 'lib/shell/spawn.ts'))})
const signal = new AbortController().signal
await startProcess(['az'], { env: process.env, timeoutMs: 9999, signal })`

const files = globSync('scripts/**/*.ts', { cwd: home })
const getName = (file: string) => path.basename(file).replace(/(\.mjs)?\.ts$/, '')
const scripts = files.map(getName).sort()
/** Read-only scripts, which take no --dry-run. */
const readOnly = files
  .filter((file) => readFileSync(path.join(home, file), 'utf8').includes('changes: false'))
  .map(getName)

/** The arguments of scripts that need some. The others get `--dry-run`, or none if they are read-only. */
const asked: Readonly<Record<string, string[]>> = {
  cost: ['--offline'],
  'maintenance-mode': ['status'],
  // Rejected because it is not a backup, before any request.
  'restore-database': ['empty.dump', '--into', 'restored', '--dry-run'],
  rollback: ['--list'],
  scale: ['backend', '--cpu', '1', '--dry-run'],
}
/**
 * Not measured: they start two clouds, check the network (test/system/health.test.ts), or query this machine's
 * scheduler.
 */
const left = ['rehearse', 'health', 'schedule']

await assertMachine({})
const folder = mkdtempSync(path.join(tmpdir(), 'dominion-start-'))
let called: (() => void) | undefined
let byAz = false
const door = async (isAz: boolean): Promise<[ReturnType<typeof createServer>, number]> => {
  const server = createServer((socket) => {
    byAz = isAz
    called?.()
    socket.destroy()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return [server, (server.address() as AddressInfo).port]
}
const [cloud, port] = await door(false)
const [azure, azPort] = await door(true)
const names = createSocket('udp4', () => called?.())
names.bind(port, '127.0.0.1')

/**
 * Both clouds and the name server are one port that records when it was called; az is a script that calls another port.
 */
function prepare(): void {
  const values: Record<string, string> = {
    IONOS_HOST: '127.0.0.1',
    IONOS_PORT: String(port),
    IONOS_SSH_KEY: path.join(folder, 'key'),
    HTTPS_PROXY: `http://127.0.0.1:${port}`,
    DNS_SERVER: `127.0.0.1:${port}`,
    POSTGRES_PASSWORD: 'Aa1-not-a-password',
    APP_SECRET_KEY: 'not-a-secret-'.repeat(4),
    STATE_DIR: path.join(folder, 'state'),
    BACKEND_DIR: path.join(home, 'examples', 'codex-dominion', 'backend'),
    DASHBOARD_DIR: path.join(home, 'examples', 'codex-dominion', 'dashboard-app'),
  }
  const example = readFileSync(path.join(home, '.env.example'), 'utf8')
  const text = example.replaceAll(/^([A-Z0-9_]+)=.*$/gm, (line, key) =>
    key in values ? `${key}=${values[key]}` : line,
  )
  writeFileSync(path.join(folder, '.env'), text)
  writeFileSync(path.join(folder, 'empty.dump'), '')
  const az = path.join(folder, 'az')
  writeFileSync(az, `#!/bin/bash\nexec 3<> /dev/tcp/127.0.0.1/${azPort}\nexit 1\n`)
  chmodSync(az, 0o755)
}

/** Milliseconds until the clouds are called, or until the end. Throws when it ends with a usage error. */
async function milliseconds([program = '', ...argv]: string[], toItsEnd: boolean): Promise<number> {
  const env = { ...process.env, PATH: `${folder}${path.delimiter}${process.env.PATH}` }
  const started = performance.now()
  const child = spawn(program, argv, { cwd: folder, env, stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => {
    said += chunk
  })
  const ended = once(child, 'exit').then(([code]) => ({
    code: code as number,
    ms: performance.now() - started,
  }))
  const asking = new Promise<{ code: number; ms: number }>((resolve) => {
    called = () => resolve({ code: 0, ms: performance.now() - started })
  })
  const { code, ms } = await Promise.race([ended, asking])
  called = undefined
  // Node writes its compile cache only when a process ends by itself.
  if (!toItsEnd) child.kill('SIGKILL')
  await ended
  if (code === 2) throw new Error(`${argv.join(' ')} is not a command to measure: ${said}`)
  return ms
}

/** Scripts whose first call was to az. */
const firstByAz = new Set<string>()

/** Medians in milliseconds of bare Node, of az alone and of each line. */
async function measure(lines: ReadonlyMap<string, string[]>): Promise<Map<string, number>> {
  const all = new Map([
    ['bare Node', [process.execPath, '-e', '0']],
    [azAlone, [process.execPath, '--input-type=module', '-e', callsAz]],
    ...[...lines].map(([name, line]): [string, string[]] => [name, [process.execPath, ...line]]),
  ])
  const times = new Map([...all.keys()].map((name) => [name, [] as number[]]))
  for (let round = 0; round <= rounds; round++) {
    for (const [name, argv] of all) {
      byAz = false
      const ms = await milliseconds(argv, round === 0)
      if (byAz && name !== azAlone) firstByAz.add(name)
      if (round > 0) times.get(name)!.push(ms)
    }
  }
  return new Map([...times].map(([name, each]) => [name, median(each)]))
}

const launcher = path.join(home, 'bin', 'dominion.js')
const getLine = (name: string) => asked[name] ?? (readOnly.includes(name) ? [] : ['--dry-run'])
try {
  prepare()
  const [help, start] = await undisturbed(async () => [
    await measure(new Map(scripts.map((name) => [name, [launcher, name, '--help']]))),
    await measure(
      new Map(
        scripts
          .filter((name) => !left.includes(name))
          .map((name) => [name, [launcher, name, ...getLine(name)]]),
      ),
    ),
  ])
  console.log(`${describeMachine()}, Node ${process.version}; medians of ${rounds}\n`)
  console.log('| script | `--help`, ms | × bare Node | with nothing to do | ms | × bare Node |')
  console.log('| --- | --- | --- | --- | --- | --- |')
  const times = (measured: Map<string, number>, name: string) => {
    const bare = measured.get('bare Node')!
    const ofAz = measured === start && firstByAz.has(name) ? measured.get(azAlone)! - bare : 0
    return (measured.get(name)! - ofAz) / bare
  }
  for (const name of help.keys()) {
    const first = `${name} | ${help.get(name)!.toFixed(0)} | ${times(help, name).toFixed(2)}`
    const line = !scripts.includes(name) ? '' : `\`${getLine(name).join(' ') || ' '}\``
    const second = start.has(name)
      ? `${line} | ${start.get(name)!.toFixed(0)} | ${times(start, name).toFixed(2)}`
      : ' | | '
    console.log(`| ${first} | ${second} |`)
  }
  const slow = [
    ...scripts.filter((name) => times(help, name) >= limits.help).map((name) => `${name} --help`),
    ...[...start.keys()].filter((name) => times(start, name) >= limits.start),
  ]
  if (slow.length > 0) {
    console.error(`\nOver the limit (${limits.help} × with --help, ${limits.start} ×): ${slow.join(', ')}`)
    process.exitCode = 1
  }
} finally {
  cloud.close()
  azure.close()
  names.close()
  rmSync(folder, { recursive: true, force: true })
}
