import type { ChildProcess } from 'node:child_process'
import { get } from 'node:http'
import { collect } from '../processes.ts'
import type { Bag } from './json.ts'

export interface ProbeEvents {
  succeeded?(): void
  failed(reason: string): void
  /** The failure threshold is reached. */
  gaveUp(reason: string): void
  /** A readiness probe continues after the threshold. */
  goesOn?: boolean
}

export interface Probe {
  stop(): void
}

/** The status of one HTTP request; every answer from 200 to 399 is healthy, as for Kubernetes and Azure. */
function httpProbe(address: string, httpGet: Bag, timeout: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const headers = Object.fromEntries(
      (httpGet.httpHeaders ?? []).map((each: Bag) => [each.name, each.value]),
    )
    const request = get(
      { host: address, port: httpGet.port, path: httpGet.path ?? '/', headers, timeout, agent: false },
      (response) => {
        const status = response.statusCode ?? 0
        response.resume()
        resolve(status >= 200 && status < 400 ? undefined : `HTTP probe failed with statuscode: ${status}`)
      },
    )
    request.once('timeout', () => request.destroy(new Error('context deadline exceeded')))
    request.once('error', (error) =>
      resolve(`Get "http://${address}:${httpGet.port}${httpGet.path ?? '/'}": ${error.message}`),
    )
  })
}

/** Runs a program inside a container, as its own user, in its folder, with its environment. */
export type RunInside = (argv: string[]) => ChildProcess

/** Healthy if the program exits with 0 in time. A program that does not finish in time is killed. */
async function execProbe(run: RunInside, command: string[], timeout: number): Promise<string | undefined> {
  const child = run(command)
  let late = false
  const timer = setTimeout(() => {
    late = true
    child.kill('SIGKILL')
  }, timeout)
  const { code, stdout, stderr } = await collect(child).finally(() => clearTimeout(timer))
  if (late) return `command timed out after ${timeout / 1000} s`
  if (code === 0) return undefined
  return (stderr || stdout).trim().split('\n').at(-1) || `command ended with exit code ${code}`
}

const getMessage = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown))

/**
 * Runs as often as the probe of a container specifies. Defaults: delay 0 s, period 10 s, time-out 1 s,
 * threshold 3 (the ContainerProbe of ACI's REST reference).
 */
export function startProbe(address: string, run: RunInside, probe: Bag, events: ProbeEvents): Probe {
  const { initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = probe
  let failures = 0
  let stopped = false
  let timer = setTimeout(ask, initialDelaySeconds * 1000)

  async function ask(): Promise<void> {
    const timeout = timeoutSeconds * 1000
    const reason = probe.httpGet
      ? await httpProbe(address, probe.httpGet, timeout)
      : await execProbe(run, probe.exec?.command ?? ['true'], timeout).catch(getMessage)
    if (stopped) return
    if (reason === undefined) {
      failures = 0
      events.succeeded?.()
    } else {
      failures += 1
      events.failed(reason)
      if (failures >= failureThreshold) {
        events.gaveUp(reason)
        if (!events.goesOn) return
      }
    }
    timer = setTimeout(ask, periodSeconds * 1000)
  }
  return {
    stop() {
      stopped = true
      clearTimeout(timer)
    },
  }
}
