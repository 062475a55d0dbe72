import { formatKeyFile } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { type Field, type Log, nothingAhead, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { inspectServer } from '../serverState.ts'
import { createPatchRequest, findZone, setAddress, type Zone } from './ionosApi.ts'
import {
  findFaults,
  findStaleIpv6,
  formatManualSteps,
  getPublicAddress,
  getSiteNames,
  type Records,
  readRecords,
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
    title: `DNS of ${getSiteNames(config).join(' and ')}`,
    part: 'ionos',
    async inspect() {
      const address = getPublicAddress(config)
      const records = await readRecords(config)
      // Only stale ones are a fault, and only the VPS knows which are its own.
      const ipv6 = records.some((record) => record.ipv6.length > 0) ? await readOwnIpv6(context) : []
      const faults = findFaults(records, address, ipv6)
      if (faults.length === 0) return ok(`both names point at ${address}`)
      const fields = getFields(records, address, ipv6)
      if (!config.ionos.dnsKey.given) {
        const what = `to be set by hand: ${faults.join('; ')}`
        return { state: 'change', what, fields, effects: [], manual: true }
      }
      const zone = await findZone(context)
      // The zone may be right already, and the resolver not yet know of it.
      const isSet = getSiteNames(config).every((name) => hasRecord(zone, name, address))
      return {
        state: 'change',
        what: isSet ? 'wait until the records are seen' : faults.join('; '),
        fields,
        fact: zone,
        effects: isSet ? [] : [createPatchRequest(config, zone.id, address, '***')],
      }
    },
    async apply({ fact: zone, effects }, log) {
      const address = getPublicAddress(config)
      if (!zone) {
        for (const line of formatManualSteps(config).split('\n')) log(line)
      } else {
        if (effects.length > 0) log(`the zone as it was: ${await setAddress(context, zone, address)}`)
        await waitUntilResolved(context, address, log)
      }
    },
    async verify() {
      if (required) await assertPointed(this)
    },
  }
}

const hasRecord = (zone: Zone, name: string, address: string): boolean => {
  const ours = zone.records.filter(
    (record) => record.name === name && record.type === 'A' && !record.disabled,
  )
  return ours.length === 1 && ours[0]?.content === address
}

const readOwnIpv6 = async (context: Context): Promise<readonly string[]> =>
  (await inspectServer(context)).ipv6Addresses

const getFields = (records: readonly Records[], address: string, ipv6: readonly string[]): Field[] =>
  records.flatMap((record) => {
    const { name, ipv4 } = record
    const stale = findStaleIpv6(record, ipv6)
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
async function waitUntilResolved(context: Context, address: string, log: Log): Promise<void> {
  const { config } = context
  let missing: readonly Records[] = []
  const isSeen = async () => {
    missing = (await readRecords(config)).filter(({ ipv4 }) => ipv4.join() !== address)
    return missing.length === 0 || undefined
  }
  const seen = await poll(isSeen, { intervalMs: 2000, timeoutMs: patienceMs })
  const names = missing.map(({ name }) => name).join(', ')
  log(
    seen
      ? `both names point at ${address}`
      : `not seen yet: ${names}; resolvers keep old answers for a while`,
  )
}
