import { get } from 'node:http'
import type { Machine } from '../machine.ts'
import type { Bag } from './json.ts'

export interface ProbeEvents {
  succeeded?(): void
  failed(reason: string): void
  /** The failure threshold is reached. */
  gaveUp(reason: string): void
  /** A readiness probe goes on after giving up. */
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

async function execProbe(machine: Machine, command: string[], timeout: number): Promise<string | undefined> {
  const late = new Promise<string>((resolve) => setTimeout(resolve, timeout, 'command timed out').unref())
  const done = machine
    .run(command)
    .then(({ code, stdout, stderr }) => (code === 0 ? undefined : (stderr || stdout).trim()))
  return Promise.race([done, late])
}

/**
 * Asks as often as a probe of a container says.
 * Defaults: delay 0 s, period 10 s, time-out 1 s, threshold 3 (the ContainerProbe of ACI's REST reference).
 */
export function startProbe(machine: Machine, probe: Bag, events: ProbeEvents): Probe {
  const { initialDelaySeconds = 0, periodSeconds = 10, failureThreshold = 3, timeoutSeconds = 1 } = probe
  let failures = 0
  let stopped = false
  let timer = setTimeout(ask, initialDelaySeconds * 1000)

  async function ask(): Promise<void> {
    const timeout = timeoutSeconds * 1000
    const reason = probe.httpGet
      ? await httpProbe(machine.address, probe.httpGet, timeout)
      : await execProbe(machine, probe.exec?.command ?? ['true'], timeout)
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
