import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import path from 'node:path'
import type { PeerCertificate } from 'node:tls'
import { type Config, formatScriptLine, getSiteNames, type Server } from '../config/config.ts'
import { createNetworkOptions } from '../config/network.ts'
import type { HttpRequest, HttpResponse, Phases } from '../net/http.ts'
import type { Command } from '../shell/command.ts'
import type { VpsContext } from '../tasks/task.ts'
import { exitCode, unknownError } from '../util/errors.ts'
import type { Verdict } from '../util/verdict.ts'
import { vps } from '../vps/remote/vps.ts'
import type { CheckInfo, Observation } from './check.ts'
import type { ProbeRun } from './health.ts'

const script = path.join(import.meta.dirname, 'requests.py')

/** What requests.py prints for each request, in any order. After an error, it contains only the index and the error. */
interface VpsProbeLine {
  index: number
  status?: number
  headers?: IncomingHttpHeaders
  body?: string
  phases?: Phases
  /** DER in base64. */
  certificate?: string
  /** `code` as Node names it. */
  error?: { code: string; message: string }
}

/**
 * The same context, but the VPS makes the requests. Requests made at the same moment share one command over
 * ssh. The VPS trusts its own authorities and those in CA_FILE.
 */
export function asVps(context: VpsContext): VpsContext {
  const { config, runner, server } = context
  const { authorities } = createNetworkOptions(config)
  let waiting: { request: HttpRequest; answer: PromiseWithResolvers<HttpResponse> }[] = []

  async function send(): Promise<void> {
    const batch = waiting
    waiting = []
    try {
      const requests = batch.map(({ request }) => request)
      const { stdout, stderr } = await runner.run(requestsCommand(server, requests, authorities))
      const lines = readLines(stdout)
      for (const [index, { answer, request }] of batch.entries()) {
        const line = lines.find((each) => each.index === index)
        if (line?.phases) answer.resolve(toResponse(line))
        else if (line?.error) answer.reject(Object.assign(new Error(line.error.message), line.error))
        else answer.reject(unknownError(`The VPS returned no result for ${request.url}`, stderr))
      }
    } catch (thrown) {
      for (const { answer } of batch) answer.reject(thrown)
    }
  }

  const request = (wanted: HttpRequest): Promise<HttpResponse> => {
    const answer = Promise.withResolvers<HttpResponse>()
    if (waiting.length === 0) setImmediate(() => void send())
    waiting.push({ request: wanted, answer })
    return answer.promise
  }
  return { ...context, runner: { ...runner, request } }
}

/**
 * Reads the script from standard input; the rest is the input of the script. certbot has installed Python on the VPS.
 */
const loader = 'import sys; exec(sys.stdin.buffer.read(int(sys.argv[1])).decode())'

function requestsCommand(
  server: Server,
  requests: readonly HttpRequest[],
  authorities: readonly string[],
): Command {
  const text = readFileSync(script, 'utf8')
  const wanted = requests.map(({ url, method, headers, timeoutMs }) => ({
    ...{ url, method, timeoutMs },
    headers: { 'User-Agent': 'codex-dominion-ops', ...headers },
  }))
  const longest = Math.max(...requests.map(({ timeoutMs }) => timeoutMs))
  return vps(server)({
    stdin: text + JSON.stringify({ authorities, requests: wanted }),
    // The script sends 64 at a time.
    timeoutMs: Math.ceil(requests.length / 64) * longest + 10_000,
    explain: (output) => ({
      what: 'The VPS cannot make the requests',
      exitCode: exitCode.unknown,
      ...(/python3: (command )?not found/.test(output)
        ? { next: `${formatScriptLine('setup-server')}   (it installs Python)` }
        : {}),
    }),
  })`python3 -c ${loader} ${Buffer.byteLength(text)}`
}

function readLines(stdout: string): VpsProbeLine[] {
  return stdout.split('\n').flatMap((text) => {
    try {
      return text === '' ? [] : [JSON.parse(text) as VpsProbeLine]
    } catch {
      return [] // An incomplete line: that request counts as unanswered.
    }
  })
}

function toResponse(line: VpsProbeLine): HttpResponse {
  const { status = 0, headers = {}, body = '', phases = { total: 0 } } = line
  if (!line.certificate) return { status, headers, body, phases }
  const certificate = new X509Certificate(Buffer.from(line.certificate, 'base64')).toLegacyObject()
  return { status, headers, body, phases, certificate: certificate as unknown as PeerCertificate }
}

/** A check for which only one side gets an answer. */
export interface Disagreement {
  id: string
  /** The side that gets no answer. */
  fails: 'here' | 'vps'
  verdict: Verdict
  detail: string
}

/**
 * Compares two runs of the same time. When one side gets an answer, the other's silence is a network problem between
 * them. But a request of the VPS to itself never leaves it: its answer does not rule out a firewall that blocks
 * visitors, so the outage remains. Slow or wrong answers are not a disagreement, and UNKNOWN does not count as an
 * answer from either side.
 */
export function compare(config: Config, here: ProbeRun, vps: ProbeRun): Disagreement[] {
  return vps.observations.flatMap((there): Disagreement[] => {
    const own = here.observations.find(({ probe }) => probe.id === there.probe.id)
    if (!own || Boolean(own.silent) === Boolean(there.silent)) return []
    if (!isAnswer(own.silent ? there : own)) return []
    const { id } = own.probe
    if (own.silent && isVps(config, own.probe)) {
      const detail = `${own.detail}; it answers the VPS itself, so suspect a firewall or the network in between`
      return [{ id, fails: 'here', verdict: own.verdict, detail }]
    }
    const who = own.silent
      ? 'the VPS gets an answer, but this machine gets none'
      : 'this machine gets an answer, but the VPS gets none'
    const detail = `${who}: a network problem in between, not an outage (${(own.silent ? own : there).detail})`
    return [{ id, fails: own.silent ? 'here' : 'vps', verdict: 'WARNING', detail }]
  })
}

/** Whether the check requests something from the VPS itself; true for a check without a known host. */
function isVps(config: Config, check: CheckInfo): boolean {
  const host = check.host?.(config)
  const servers = config.servers.flatMap(({ address, publicIp }) => [address, publicIp])
  return host === undefined || [...getSiteNames(config), ...servers].includes(host)
}

const isAnswer = ({ silent, verdict }: Observation): boolean => !silent && verdict !== 'UNKNOWN'
