import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describeMachine, median, undisturbed } from './figures.ts'
import { assertMachine } from './needs.ts'

/**
 * How long `health` takes for 1,000 extra targets, compared with a plain loop of Node's own clients with the same
 * concurrency. All of them query the same real server. Server and measurements are separate processes; each reports its
 * peak memory. Rounds alternate. Exit 1 above 1.5 × `fetch`, or at 250 MB or more. Argument: rounds (7).
 */
const limit = { ratio: 1.5, megabytes: 250 }
const count = 1000
const ways = ['health', 'fetch', 'node:http', 'node:http, kept alive'] as const
type Way = (typeof ways)[number]
interface Figures {
  ms: number
  megabytes: number
}

if (process.argv[2] === 'server') serve()
else if (process.argv[2] === 'measure') await measure(process.argv[3] as Way, process.argv[4]!)
else await compareWays(Number(process.argv[2] ?? 7))

/** Answers after 20 ms, like a server on the network. */
function serve(): void {
  const server = createServer((_, outgoing) => setTimeout(() => outgoing.end('well'), 20))
  server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
  process.on('disconnect', () => process.exit())
}

async function measure(way: Way, folder: string): Promise<void> {
  const { targetsAtOnce } = await import('../lib/checks/health.ts')
  const file = path.join(folder, 'targets')
  const urls = readFileSync(file, 'utf8').trim().split('\n')
  const work =
    way === 'health' ? await healthWay(file, folder) : () => plainLoop(urls, targetsAtOnce, getClient(way))
  const started = performance.now()
  await work()
  const ms = performance.now() - started
  process.send?.({ ms, megabytes: process.resourceUsage().maxRSS / 1024 } satisfies Figures)
  process.disconnect?.()
}

/** As the script does it: configuration, runner with its transcript, and runProbes(). */
async function healthWay(file: string, folder: string): Promise<() => Promise<void>> {
  const [{ runProbes }, { readTargets }, { openContext }, { loadConfig }] = await Promise.all([
    import('../lib/checks/health.ts'),
    import('../lib/checks/customTargets.ts'),
    import('../lib/deploy/context.ts'),
    import('../lib/config/load.ts'),
  ])
  const { signal } = new AbortController()
  const run = { signal, again: '', flags: {} } as unknown as Parameters<typeof openContext>[0]
  const context = await openContext(run, await loadConfig(folder), 'bench', false)
  return async () => {
    const targets = readTargets(file)
    const only = targets.map(({ id }) => id)
    const { observations } = await runProbes(context, { quick: true, targets, only, signal })
    const answered = observations.filter(({ ms }) => ms !== undefined).length
    if (answered !== count) throw new Error(`${answered} of ${count} targets answered`)
  }
}

async function plainLoop(
  urls: readonly string[],
  atOnce: number,
  ask: (url: string) => Promise<number>,
): Promise<void> {
  let next = 0
  let answered = 0
  const loop = async () => {
    for (let url = urls[next++]; url !== undefined; url = urls[next++])
      if ((await ask(url)) === 200) answered++
  }
  await Promise.all(Array.from({ length: atOnce }, loop))
  if (answered !== count) throw new Error(`${answered} of ${count} targets answered`)
}

function getClient(way: Way): (url: string) => Promise<number> {
  if (way === 'fetch')
    return async (url) => {
      const response = await fetch(url)
      await response.text()
      return response.status
    }
  const agent = new Agent({ keepAlive: way === 'node:http, kept alive' })
  return (url) =>
    new Promise((resolve, reject) => {
      get(url, { agent }, (incoming) =>
        incoming.resume().on('end', () => resolve(incoming.statusCode ?? 0)),
      ).on('error', reject)
    })
}

async function compareWays(rounds: number): Promise<void> {
  await assertMachine({})
  const folder = mkdtempSync(path.join(tmpdir(), 'bench-targets-'))
  const server = fork(import.meta.filename, ['server'])
  try {
    const [port] = (await once(server, 'message')) as [number]
    const urls = Array.from({ length: count }, (_, at) => `http://127.0.0.1:${port}/target-${at}`)
    writeFileSync(path.join(folder, 'targets'), `${urls.join('\n')}\n`)
    writeFileSync(path.join(folder, '.env'), `STATE_DIR=${folder}/state\nIONOS_HOST=127.0.0.1\n`)
    const all = new Map<Way, Figures[]>(ways.map((way) => [way, []]))
    await undisturbed(async () => {
      // The first round fills the compile cache.
      for (let round = 0; round <= rounds; round++) {
        for (const way of ways) {
          const figures = await ended(fork(import.meta.filename, ['measure', way, folder]))
          if (round > 0) all.get(way)!.push(figures)
        }
      }
    })
    report(all, rounds)
  } finally {
    server.disconnect()
    rmSync(folder, { recursive: true, force: true })
  }
}

async function ended(child: ChildProcess): Promise<Figures> {
  let figures: Figures | undefined
  child.once('message', (message) => {
    figures = message as Figures
  })
  const [code] = (await once(child, 'exit')) as [number]
  if (!figures) throw new Error(`a measurement ended with ${code}`)
  return figures
}

function report(all: ReadonlyMap<Way, Figures[]>, rounds: number): void {
  const middle = (way: Way, figure: keyof Figures) => median(all.get(way)!.map((each) => each[figure]))
  const plain = middle('fetch', 'ms')
  console.log(`${describeMachine()}, Node ${process.version}; ${count} targets, medians of ${rounds}\n`)
  console.log('| | ms | × fetch | MB at most |\n| --- | --- | --- | --- |')
  for (const way of ways) {
    const [ms, megabytes] = [middle(way, 'ms'), Math.max(...all.get(way)!.map((each) => each.megabytes))]
    console.log(`| ${way} | ${ms.toFixed(0)} | ${(ms / plain).toFixed(2)} | ${megabytes.toFixed(0)} |`)
  }
  const ratio = middle('health', 'ms') / plain
  const most = Math.max(...all.get('health')!.map(({ megabytes }) => megabytes))
  if (ratio <= limit.ratio && most < limit.megabytes) return
  console.error(`\nmore than ${limit.ratio} × fetch, or ${limit.megabytes} MB and more`)
  process.exitCode = 1
}
