import { formatKeyFile, getSiteNames } from '../../config/config.ts'
import { type Context, type Log, nothingAhead, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { inspectServer } from '../serverState.ts'
import { createPatchRequest, findZone, setAddress, type Zone } from './ionosApi.ts'
import { findFaults, formatManualSteps, getPublicAddress, type Records, readRecords } from './records.ts'

/**
 * Sets the A records of both names. Without a key, the task only explains how to set them by hand. A deploy
 * then stops at the certificate, which needs them.
 * @param required whether the task fails while the names point elsewhere
 */
export function dnsTask(context: Context, { required = false } = {}): Task<Zone> {
  const { config } = context

  async function assertPointed(task: Task): Promise<void> {
    const left = await task.inspect(nothingAhead)
    if (left.state === 'ok') return
    throw new OpsError({
      what: left.state === 'unknown' ? left.why : left.what,
      next: `Set the records at the domain's provider, or set IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')}; then run this command again.`,
    })
  }

  return {
    id: 'point-dns',
    title: `DNS of ${getSiteNames(config).join(' and ')}`,
    part: 'ionos',
    async inspect() {
      const address = getPublicAddress(config)
      const records = await readRecords(config)
      // Only the VPS knows which of them are its own.
      const anyIpv6 = records.some((record) => record.ipv6.length > 0)
      const ipv6 = anyIpv6 ? (await inspectServer(context)).ipv6Addresses : []
      const faults = findFaults(records, address, ipv6)
      if (faults.length === 0) return ok(`both names point at ${address}`)
      const fields = faults.map(({ field }) => field)
      const messages = faults.map(({ message }) => message).join('; ')
      if (!config.ionos.dnsKey.given) {
        const what = `set by hand: ${messages}`
        return { state: 'change', what, fields, effects: [], manual: true }
      }
      const zone = await findZone(context)
      // The zone may be right while the resolver still has the old answer.
      const isSet = getSiteNames(config).every((name) => hasRecord(zone, name, address))
      return {
        state: 'change',
        what: isSet ? 'wait until the records are visible' : messages,
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
        if (effects.length > 0) log(`saved the previous zone: ${await setAddress(context, zone, address)}`)
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

/** Waits until the name server has the addresses, but no longer than two minutes: the certificate task checks them again. */
async function waitUntilResolved(context: Context, address: string, log: Log): Promise<void> {
  const { config } = context
  let missing: readonly Records[] = []
  const isSeen = async () => {
    missing = (await readRecords(config)).filter(({ ipv4 }) => ipv4.join() !== address)
    return missing.length === 0 || undefined
  }
  const seen = await poll(isSeen, { intervalMs: 2000, timeoutMs: 120_000 })
  const names = missing.map(({ name }) => name).join(', ')
  log(
    seen
      ? `both names point at ${address}`
      : `not visible yet: ${names}; resolvers keep old answers for a while`,
  )
}
