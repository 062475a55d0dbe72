import { formatKeyFile } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { type Field, type Log, nothingAhead, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { inspectServer } from '../serverState.ts'
import { findZone, patchRequest, setAddress, type Zone } from './ionosApi.ts'
import {
  byHand,
  findFaults,
  publicAddress,
  type Records,
  readRecords,
  siteNames,
  staleIpv6,
} from './records.ts'

const patienceMs = 120_000

/**
 * A records of both names. With a key they are set; without one the step only says what to set by hand, and the
 * certificate, which needs them, is where a deploy stops.
 * @param required the task fails while the names point elsewhere
 */
export function dnsTask(context: Context, { required = false } = {}): Task<Zone> {
  const { config } = context

  /** Throws while the names point elsewhere. */
  async function assertPointed(task: Task): Promise<void> {
    const left = await task.inspect(nothingAhead)
    if (left.state === 'ok') return
    throw new OpsError({
      what: left.state === 'unknown' ? left.why : left.what,
      next: `Set the records at the provider of the domain, or IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')}; then run this command again.`,
    })
  }

  return {
    id: 'point-dns',
    title: `DNS of ${siteNames(config).join(' and ')}`,
    part: 'ionos',
    async inspect() {
      const address = publicAddress(config)
      const records = await readRecords(config)
      // Only stale ones are a fault, and only the VPS knows which are its own.
      const ipv6 = records.some((record) => record.ipv6.length > 0) ? await ownIpv6(context) : []
      const faults = findFaults(records, address, ipv6)
      if (faults.length === 0) return ok(`both names point at ${address}`)
      const fields = fieldsOf(records, address, ipv6)
      if (!config.ionos.dnsKey.given) {
        const what = `to be set by hand: ${faults.join('; ')}`
        return { state: 'change', what, fields, effects: [], manual: true }
      }
      const zone = await findZone(context)
      // The zone may be right already, and the resolver not yet know of it.
      const isSet = siteNames(config).every((name) => zoneHas(zone, name, address))
      return {
        state: 'change',
        what: isSet ? 'wait until the records are seen' : faults.join('; '),
        fields,
        fact: zone,
        effects: isSet ? [] : [patchRequest(config, zone.id, address, '***')],
      }
    },
    async apply({ fact: zone, effects }, log) {
      const address = publicAddress(config)
      if (!zone) {
        for (const line of byHand(config).split('\n')) log(line)
      } else {
        if (effects.length > 0) log(`the zone as it was: ${await setAddress(context, zone, address)}`)
        await untilSeen(context, address, log)
      }
    },
    async verify() {
      if (required) await assertPointed(this)
    },
  }
}

const zoneHas = (zone: Zone, name: string, address: string): boolean => {
  const ours = zone.records.filter(
    (record) => record.name === name && record.type === 'A' && !record.disabled,
  )
  return ours.length === 1 && ours[0]?.content === address
}

const ownIpv6 = async (context: Context): Promise<readonly string[]> =>
  (await inspectServer(context)).ipv6Addresses

const fieldsOf = (records: readonly Records[], address: string, ipv6: readonly string[]): Field[] =>
  records.flatMap((record) => {
    const { name, ipv4 } = record
    const stale = staleIpv6(record, ipv6)
    return [
      ...(ipv4.join(', ') === address
        ? []
        : [{ name: `A ${name}`, before: ipv4.join(', ') || undefined, after: address }]),
      ...(stale.length > 0
        ? [{ name: `AAAA ${name}`, before: stale.join(', '), after: 'none (delete it by hand)' }]
        : []),
    ]
  })

/** Waits until the name server shows the addresses; what is not seen in time is left to the certificate's check. */
async function untilSeen(context: Context, address: string, tell: Log): Promise<void> {
  const { config } = context
  let missing: readonly Records[] = []
  const isSeen = async () => {
    missing = (await readRecords(config)).filter(({ ipv4 }) => ipv4.join() !== address)
    return missing.length === 0 || undefined
  }
  const seen = await poll(isSeen, { intervalMs: 2000, timeoutMs: patienceMs })
  const names = missing.map(({ name }) => name).join(', ')
  tell(
    seen
      ? `both names point at ${address}`
      : `not seen yet: ${names}; resolvers keep old answers for a while`,
  )
}
