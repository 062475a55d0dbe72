import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { type Config, formatKeyFile } from '../../config/config.ts'
import { revealSecret } from '../../config/secret.ts'
import type { HttpRequest, HttpResponse } from '../../net/http.ts'
import type { Context } from '../../tasks/task.ts'
import { exitCode, getMessage, OpsError, unknownError } from '../../util/errors.ts'
import { makeFolder } from '../../util/files.ts'

/** A record of the IONOS DNS API; `name` is fully qualified. */
export interface ZoneRecord {
  id?: string
  name: string
  type: string
  content: string
  ttl: number
  prio?: number
  disabled: boolean
}

export interface Zone {
  id: string
  name: string
  records: ZoneRecord[]
}

const timeoutMs = 20_000

/** Sets A or AAAA records. PATCH replaces the records of these names and types only; PUT would replace the whole zone. */
export const createPatchRequest = (
  config: Config,
  zone: string,
  records: readonly Pick<ZoneRecord, 'name' | 'type' | 'content'>[],
  key: string,
): HttpRequest => ({
  method: 'PATCH',
  url: `${config.ionos.dnsApi}/v1/zones/${encodeURIComponent(zone)}`,
  effect: 'change',
  headers: { 'x-api-key': key, 'content-type': 'application/json', accept: 'application/json' },
  body: JSON.stringify(
    records.map(({ name, type, content }) => ({
      ...{ name, type, content },
      ...{ ttl: 3600, prio: 0, disabled: false },
    })),
  ),
  timeoutMs,
})

/** Deletes one record of a zone. */
export const createDeleteRequest = (
  config: Config,
  zone: string,
  record: string,
  key: string,
): HttpRequest => ({
  method: 'DELETE',
  url: `${config.ionos.dnsApi}/v1/zones/${encodeURIComponent(zone)}/records/${encodeURIComponent(record)}`,
  effect: 'change',
  headers: { 'x-api-key': key, accept: 'application/json' },
  timeoutMs,
})

/** Finds the zone of the site's names. Throws exit 4 (key refused), 3 (no answer), 1 (no such zone). */
export async function findZone(context: Context): Promise<Zone> {
  const { config } = context
  const zones = (await get(context, '/v1/zones')) as { id: string; name: string }[]
  const zone = zones
    .filter(({ name }) => config.domain === name || config.domain.endsWith(`.${name}`))
    .sort((a, b) => b.name.length - a.name.length)[0]
  if (!zone) {
    throw new OpsError({
      what: `The IONOS account of this key has no DNS zone for ${config.domain}`,
      said: `its zones: ${zones.map(({ name }) => name).join(', ') || 'none'}`,
      next: `Set IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')} to a key of the account that holds the domain, or leave it empty and set the records by hand.`,
    })
  }
  const details = (await get(context, `/v1/zones/${encodeURIComponent(zone.id)}`)) as Zone
  // Part of DOMAIN, unlike the name in the second answer, and a file gets this name.
  return { ...details, name: zone.name }
}

/** Saves the whole zone in the state folder. Returns the file. */
export function saveZone(config: Config, zone: Zone): string {
  const folder = path.join(config.stateDir, 'dns')
  makeFolder(folder, 0o700)
  const file = path.join(folder, `${zone.name}-${new Date().toISOString().replaceAll(/[:.]/g, '-')}.json`)
  writeFileSync(file, `${JSON.stringify(zone, null, 2)}\n`, { mode: 0o600 })
  return file
}

/** Makes the requests with the real key. */
export async function changeZone(context: Context, requests: readonly HttpRequest[]): Promise<void> {
  const key = await revealSecret(context.config.ionos.dnsKey, context.runner)
  for (const request of requests)
    await send(context, { ...request, headers: { ...request.headers, 'x-api-key': key } })
}

async function get(context: Context, address: string): Promise<unknown> {
  const key = await revealSecret(context.config.ionos.dnsKey, context.runner)
  const answer = await send(context, {
    method: 'GET',
    url: `${context.config.ionos.dnsApi}${address}`,
    effect: 'read',
    headers: { 'x-api-key': key, accept: 'application/json' },
    timeoutMs,
  })
  try {
    return JSON.parse(answer.body)
  } catch {
    throw unknownError('The answer of the IONOS DNS API is not JSON', answer.body.slice(0, 500))
  }
}

async function send({ config, runner }: Context, request: HttpRequest): Promise<HttpResponse> {
  const answer = await runner.request(request).catch((thrown) => {
    throw unknownError(
      `The IONOS DNS API does not answer (${new URL(config.ionos.dnsApi).host})`,
      getMessage(thrown),
      `Check the network, or leave IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')} empty and set the records by hand.`,
    )
  })
  if (answer.status >= 200 && answer.status < 300) return answer
  const said = `${request.method} ${request.url}: ${answer.status} ${answer.body.slice(0, 1000)}`
  if (answer.status === 401 || answer.status === 403) {
    throw new OpsError({
      what: 'The IONOS DNS API refuses the key',
      said,
      next: `Set IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')} to <prefix>.<secret> of a key from developer.hosting.ionos.com, or leave it empty.`,
      exitCode: exitCode.notLoggedIn,
    })
  }
  if (answer.status === 429 || answer.status >= 500) {
    throw unknownError(
      'The IONOS DNS API is temporarily unavailable',
      said,
      'Wait a minute and run this command again.',
    )
  }
  throw new OpsError({ what: 'The IONOS DNS API refuses the request', said })
}
