import { formatKeyFile, getSiteNames } from '../../config/config.ts'
import type { HttpRequest } from '../../net/http.ts'
import { type Context, type Field, type Log, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { readOwnIpv6 } from '../serverState.ts'
import {
  changeZone,
  createDeleteRequest,
  createPatchRequest,
  findZone,
  type Zone,
  type ZoneRecord,
} from './ionosApi.ts'
import {
  expandIpv6,
  formatManualSteps,
  getPublicAddress,
  inspectRecords,
  type RecordFault,
} from './records.ts'

/** What is to change in the zone; no request when only the name server still has the old records. */
interface ZoneChange {
  zone: Zone
  requests: readonly HttpRequest[]
}

/**
 * Sets the A records of both names, unless www is a CNAME of the domain, and deletes their AAAA records that are not the
 * VPS's, and a CNAME that leads elsewhere: no other record may stand beside it (RFC 1034, 3.6.2). Without a key, the task
 * only explains how to do it by hand. A deploy then stops at the certificate, which needs them, or at the end.
 * @param required whether the task fails while the names point elsewhere
 */
export function dnsTask(context: Context, { required = false } = {}): Task<ZoneChange> {
  const { config } = context
  return {
    id: 'point-dns',
    title: `DNS of ${getSiteNames(config).join(' and ')}`,
    part: 'ionos',
    async inspect() {
      const faults = await readFaults(context)
      if (faults.length === 0) return ok(`both names point at ${getPublicAddress(config)}`)
      const fields = faults.map(({ field }) => field)
      const messages = formatFaults(faults)
      if (!config.ionos.dnsKey.given) {
        const what = `set by hand: ${messages}`
        return { state: 'change', what, fields, effects: [], manual: true }
      }
      const zone = await findZone(context)
      const { requests, stale } = await compareZone(context, zone, faults)
      const deleted = stale.map(
        ({ name, type, content, id }): Field => ({
          ...{ name: `${type} ${name}`, before: content, after: `none (record ${id})` },
        }),
      )
      return {
        state: 'change',
        // The zone may be right while the resolver still has the old answer.
        what: requests.length === 0 ? 'wait until the records are visible' : messages,
        fields: [...fields.filter(({ name }) => !deleted.some((field) => field.name === name)), ...deleted],
        fact: { zone, requests },
        effects: requests,
      }
    },
    async apply({ fact }, log) {
      if (!fact) {
        for (const line of formatManualSteps(config).split('\n')) log(line)
        return undefined
      }
      const { zone, requests } = fact
      if (requests.length > 0) log(`saved the previous zone: ${await changeZone(context, zone, requests)}`)
      await waitUntilResolved(context, log)
      return fact
    },
    async verify() {
      if (required) await assertPointed(context)
    },
  }
}

const readFaults = (context: Context): Promise<RecordFault[]> =>
  inspectRecords(context.config, () => readOwnIpv6(context))

const formatFaults = (faults: readonly RecordFault[]): string =>
  faults.map(({ message }) => message).join('; ')

async function assertPointed(context: Context): Promise<void> {
  const faults = await readFaults(context)
  if (faults.length === 0) return
  throw new OpsError({
    what: formatFaults(faults),
    next: context.config.ionos.dnsKey.given
      ? 'Run this command again later: name servers keep an old record until its TTL has passed.'
      : `Set the records at the domain's provider, or set IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')}; then run this command again.`,
  })
}

/** Lists the records of the zone that have to go, and the requests that correct the zone. */
async function compareZone(
  context: Context,
  zone: Zone,
  faults: readonly RecordFault[],
): Promise<{ requests: HttpRequest[]; stale: ZoneRecord[] }> {
  const { config } = context
  const address = getPublicAddress(config)
  const ours = zone.records.filter(({ name, disabled }) => getSiteNames(config).includes(name) && !disabled)
  const cnames = ours.filter(({ type }) => type === 'CNAME')
  const leadsHere = ({ name, content }: ZoneRecord) =>
    content.toLowerCase().replace(/\.$/, '') === config.domain || faults.every((fault) => fault.name !== name)
  const names = getSiteNames(config).filter(
    (name) => !cnames.some((record) => record.name === name && leadsHere(record)),
  )
  const isSet = names.every((name) => {
    const [first, ...more] = ours.filter((record) => record.name === name && record.type === 'A')
    return more.length === 0 && first?.content === address
  })
  const ipv6 = ours.filter(({ type }) => type === 'AAAA')
  const own = ipv6.length > 0 ? await readOwnIpv6(context) : []
  const stale = [
    ...cnames.filter((record) => !leadsHere(record)),
    ...ipv6.filter(({ content }) => !own.includes(expandIpv6(content))),
  ]
  const requests = [
    ...stale.map(({ id = '' }) => createDeleteRequest(config, zone.id, id, '***')),
    ...(isSet ? [] : [createPatchRequest(config, zone.id, address, '***', names)]),
  ]
  return { requests, stale }
}

/** Waits until the name server has the records, but no longer than two minutes: the certificate task checks them again. */
async function waitUntilResolved(context: Context, log: Log): Promise<void> {
  let names: readonly string[] = []
  const isSeen = async () => {
    names = [...new Set((await readFaults(context)).map(({ name }) => name))]
    return names.length === 0 || undefined
  }
  const seen = await poll(isSeen, { intervalMs: 2000, timeoutMs: 120_000 })
  log(
    seen
      ? `both names point at ${getPublicAddress(context.config)}`
      : `not visible yet: ${names.join(', ')}; resolvers keep old answers for a while`,
  )
}
