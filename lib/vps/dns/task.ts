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
import { expandIpv6, formatManualSteps, getPublicAddress, inspectRecords } from './records.ts'

/** What is to change in the zone; no request when only the name server still has the old records. */
interface ZoneChange {
  zone: Zone
  requests: readonly HttpRequest[]
}

/**
 * Sets the A records of both names and deletes their AAAA records that are not the VPS's. Without a key, the task only
 * explains how to do it by hand. A deploy then stops at the certificate, which needs them, or at the end.
 * @param required whether the task fails while the names point elsewhere
 */
export function dnsTask(context: Context, { required = false } = {}): Task<ZoneChange> {
  const { config } = context
  const askIpv6 = () => readOwnIpv6(context)

  async function assertPointed(): Promise<void> {
    const faults = await inspectRecords(config, askIpv6)
    if (faults.length === 0) return
    throw new OpsError({
      what: faults.map(({ message }) => message).join('; '),
      next: config.ionos.dnsKey.given
        ? 'Run this command again later: name servers keep an old record until its TTL has passed.'
        : `Set the records at the domain's provider, or set IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')}; then run this command again.`,
    })
  }

  /** Lists what the zone has of our names that is wrong. */
  async function compareZone(zone: Zone): Promise<{ requests: HttpRequest[]; stale: ZoneRecord[] }> {
    const address = getPublicAddress(config)
    const ours = zone.records.filter(({ name, disabled }) => getSiteNames(config).includes(name) && !disabled)
    const isSet = getSiteNames(config).every((name) => hasRecord(ours, name, address))
    const ipv6 = ours.filter(({ type }) => type === 'AAAA')
    const own = ipv6.length > 0 ? await askIpv6() : []
    const stale = ipv6.filter(({ content }) => !own.includes(expandIpv6(content)))
    const requests = [
      ...(isSet ? [] : [createPatchRequest(config, zone.id, address, '***')]),
      ...stale.map(({ id = '' }) => createDeleteRequest(config, zone.id, id, '***')),
    ]
    return { requests, stale }
  }

  return {
    id: 'point-dns',
    title: `DNS of ${getSiteNames(config).join(' and ')}`,
    part: 'ionos',
    async inspect() {
      const faults = await inspectRecords(config, askIpv6)
      if (faults.length === 0) return ok(`both names point at ${getPublicAddress(config)}`)
      const fields = faults.map(({ field }) => field)
      const messages = faults.map(({ message }) => message).join('; ')
      if (!config.ionos.dnsKey.given) {
        const what = `set by hand: ${messages}`
        return { state: 'change', what, fields, effects: [], manual: true }
      }
      const zone = await findZone(context)
      const { requests, stale } = await compareZone(zone)
      return {
        state: 'change',
        // The zone may be right while the resolver still has the old answer.
        what: requests.length === 0 ? 'wait until the records are visible' : messages,
        fields: [
          ...fields.filter(({ name }) => !stale.some((record) => name === `AAAA ${record.name}`)),
          ...stale.map(
            ({ name, content, id }): Field => ({
              name: `AAAA ${name}`,
              before: content,
              after: `none (record ${id})`,
            }),
          ),
        ],
        fact: { zone, requests },
        effects: requests,
      }
    },
    async apply({ fact }, log) {
      if (!fact) {
        for (const line of formatManualSteps(config).split('\n')) log(line)
        return
      }
      const { zone, requests } = fact
      if (requests.length > 0) log(`saved the previous zone: ${await changeZone(context, zone, requests)}`)
      await waitUntilResolved(log)
    },
    async verify() {
      if (required) await assertPointed()
    },
  }

  /** Waits until the name server has the records, but no longer than two minutes: the certificate task checks them again. */
  async function waitUntilResolved(log: Log): Promise<void> {
    let missing: readonly string[] = []
    const isSeen = async () => {
      missing = (await inspectRecords(config, askIpv6)).map(({ name }) => name)
      return missing.length === 0 || undefined
    }
    const seen = await poll(isSeen, { intervalMs: 2000, timeoutMs: 120_000 })
    const names = [...new Set(missing)].join(', ')
    log(
      seen
        ? `both names point at ${getPublicAddress(config)}`
        : `not visible yet: ${names}; resolvers keep old answers for a while`,
    )
  }
}

const hasRecord = (ours: readonly ZoneRecord[], name: string, address: string): boolean => {
  const found = ours.filter((record) => record.name === name && record.type === 'A')
  return found.length === 1 && found[0]?.content === address
}
