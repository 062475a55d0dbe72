import { spawn } from 'node:child_process'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { expect } from 'vitest'
import type { Report } from '../../../lib/monitoring/report.ts'
import { type ProcessResult, startProcess } from '../../../lib/shell/spawn.ts'
import { dominionArgv, type Rehearsal } from './rehearsal.ts'

/** Functions that break something and repair it. */
export interface Fault {
  /** The verdict of the checks that see it. */
  args: string[]
  make(): Promise<unknown>
  fix(): Promise<unknown>
  /** The text that the line contains. */
  says: RegExp
  meanwhile?(): Promise<void>
}

/** A check run as `health --json` prints it; its exit code must match its verdict. */
export async function runHealth(clouds: Rehearsal, environment: string, args: string[]): Promise<Report> {
  const { code, stdout, stderr } = await clouds.dominion(['health', '--json', ...args], { environment })
  expect(stdout, stderr).toMatch(/^\{.*\}\n$/)
  const report = JSON.parse(stdout) as Report
  expect(code, stderr).toBe(report.exitCode)
  return report
}

/** Repeats the check until the condition holds. */
export async function pollHealth(
  look: () => Promise<Report>,
  isSo: (report: Report) => boolean,
): Promise<void> {
  const end = Date.now() + 90_000
  for (;;) {
    const report = await look()
    if (isSo(report)) return
    if (Date.now() > end) throw new Error(`it does not come about: ${report.line}`)
    await pause(300)
  }
}

/** As cron runs it: with an empty environment. */
export function runCron(
  environment: string,
  args: string[],
  started: (pid: number) => void = () => {},
): Promise<ProcessResult> {
  const [node = '', ...rest] = dominionArgv(['health', ...args, '--env', environment])
  const child = spawn(node, rest, { env: {}, stdio: ['ignore', 'pipe', 'pipe'] })
  started(child.pid!)
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  return new Promise((resolve) =>
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr, timedOut: false })),
  )
}

/**
 * Names of the metrics in the file, as the reference implementation of OpenMetrics reads them; throws when a rule is
 * broken.
 */
export async function readFamilies(text: string): Promise<string[]> {
  const code = `import sys, json
from prometheus_client.openmetrics.parser import text_string_to_metric_families
print(json.dumps([f.name for f in text_string_to_metric_families(sys.stdin.read())]))`
  const options = { env: process.env, timeoutMs: 30_000, signal: AbortSignal.timeout(30_000), stdin: text }
  const { stdout, stderr } = await startProcess(['/usr/bin/python3', '-c', code], options)
  expect(stdout, stderr).toMatch(/^\[/)
  return JSON.parse(stdout) as string[]
}

/** What a webhook received. */
export interface ReceivedAlert {
  kind: string
  verdict: string
  title: string
  incident: string
}

/**
 * Takes alerts at `/hook` and pings at `/ping`; `answer` gives the status for alerts, which are recorded only with 200.
 */
export function startReceiver() {
  const alerts: ReceivedAlert[] = []
  const pings: { path: string; body: string }[] = []
  const server = createServer(async (incoming, outgoing) => {
    let body = ''
    for await (const chunk of incoming) body += chunk
    if (incoming.url!.startsWith('/ping')) {
      pings.push({ path: incoming.url!, body })
      outgoing.end('OK')
      return
    }
    if (receiver.answer === 200) alerts.push(JSON.parse(body))
    outgoing.writeHead(receiver.answer).end()
  }).listen(0, '127.0.0.1')
  const receiver = {
    answer: 200,
    alerts,
    pings,
    kinds: () => alerts.map(({ kind }) => kind),
    url: () => `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => server.close(),
  }
  return receiver
}
