import { type Config, formatKeyFile, formatScriptLine, getSiteNames } from '../../config/config.ts'
import type { HttpRequest } from '../../net/http.ts'
import { eachServer, type Field, type Log, ok, type Task, type VpsContext } from '../../tasks/task.ts'
import { isUnanswered, OpsError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { getRememberedIpv6, inspectServer, readOwnIpv6 } from '../serverState.ts'
import {
  changeZone,
  createDeleteRequest,
  createPatchRequest,
  findZone,
  saveZone,
  type Zone,
  type ZoneRecord,
} from './ionosApi.ts'
import {
  expandIpv6,
  formatIpv6Offer,
  formatManualSteps,
  getPublicIpv4,
  getPublicIpv6,
  getSparedIpv6,
  inspectRecords,
  isSameIpv6,
  type RecordFault,
  readRecords,
} from './records.ts'

/** What is to change in the zone; no request when only the name server still has the old records. */
interface ZoneChange {
  zone: Zone
  requests: readonly HttpRequest[]
}

/**
 * Sets the A records of both names, unless www is a CNAME of the domain, and the AAAA records of IONOS_PUBLIC_IPV6.
 * Deletes their AAAA records that are not the VPS's, and a CNAME that leads elsewhere: no other record may exist next
 * to it (RFC 1034, 3.6.2). Without a key, the task only explains how to do it by hand. A deploy then stops at the
 * certificate, which needs them, or at the end.
 * @param required whether the task fails while the names point elsewhere
 * @param nginxHttp make nginx listen on each server. AAAA records wait for it, because visitors with IPv6 try them first,
 * and so do the addresses of several servers: one that cannot be set up gets no visitor.
 */
export function dnsTask(
  context: VpsContext,
  { required = false, nginxHttp = [] }: { required?: boolean; nginxHttp?: readonly Task[] } = {},
): Task<ZoneChange> {
  const { config } = context
  return {
    id: 'point-dns',
    title: `DNS of ${getSiteNames(config).join(' and ')}`,
    part: 'ionos',
    after: getPublicIpv6(config).length > 0 || config.servers.length > 1 ? nginxHttp : [],
    async inspect(ahead) {
      const faults = await readFaults(context)
      if (faults.length === 0) {
        return ok(`${formatPointed(config)}${await findIpv6Offers(context)}`)
      }
      if (faults.some(({ mild }) => mild))
        for (const [index, each] of eachServer(context).entries())
          if (!ahead.willChange(nginxHttp[index])) await assertListensOnIpv6(each)
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
        fields: [
          ...fields.filter(
            ({ name, after }) => after !== 'none' || !deleted.some((field) => field.name === name),
          ),
          ...deleted,
        ],
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
      if (requests.length > 0) {
        log(`saved the previous zone: ${saveZone(config, zone)}`)
        await changeZone(context, requests)
      }
      await waitUntilResolved(context, log)
      return fact
    },
    async verify() {
      if (required) await assertPointed(context)
    },
  }
}

const readFaults = (context: VpsContext): Promise<RecordFault[]> => inspectRecords(context, readOwnIpv6)

const formatPointed = (config: Config): string =>
  `both names point at ${[...getPublicIpv4(config), ...getPublicIpv6(config)].join(' and ')}`

/** Offers the servers' own IPv6 addresses that this machine has seen, if no name has an AAAA record. */
const findIpv6Offers = async (context: VpsContext): Promise<string> =>
  (await readRecords(context.config)).some(({ ipv6 }) => ipv6.length > 0)
    ? ''
    : eachServer(context)
        .map((each) => formatIpv6Offer(each.server, getRememberedIpv6(each)))
        .join('')

/** An AAAA record where nothing listens would keep visitors with IPv6 away. */
async function assertListensOnIpv6(context: VpsContext): Promise<void> {
  const { publicIpv6, keys } = context.server
  if (publicIpv6 === '') return
  const { nginx } = await inspectServer(context)
  if (nginx.active && nginx.listensOnIpv6) return
  throw new OpsError({
    what: `nginx on the VPS does not listen on IPv6, so no AAAA record was set for ${publicIpv6}`,
    next: `Run ${formatScriptLine(nginx.active ? 'configure-nginx' : 'setup-server')} first, or leave ${keys.publicIpv6} empty in ${formatKeyFile(keys.publicIpv6)}.`,
  })
}

const formatFaults = (faults: readonly RecordFault[]): string =>
  faults.map(({ message }) => message).join('; ')

async function assertPointed(context: VpsContext): Promise<void> {
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
export async function compareZone(
  context: VpsContext,
  zone: Zone,
  faults: readonly RecordFault[],
): Promise<{ requests: HttpRequest[]; stale: ZoneRecord[] }> {
  const { config } = context
  const addresses = getPublicIpv4(config)
  const ours = zone.records.filter(({ name, disabled }) => getSiteNames(config).includes(name) && !disabled)
  const cnames = ours.filter(({ type }) => type === 'CNAME')
  const leadsHere = ({ name, content }: ZoneRecord) =>
    content.toLowerCase().replace(/\.$/, '') === config.domain || faults.every((fault) => fault.name !== name)
  const names = getSiteNames(config).filter(
    (name) => !cnames.some((record) => record.name === name && leadsHere(record)),
  )
  const isSet = names.every((name) => {
    const found = ours.filter((record) => record.name === name && record.type === 'A')
    const contents = found.map(({ content }) => content).sort()
    return contents.join() === addresses.join()
  })
  const ipv6 = ours.filter(({ type }) => type === 'AAAA')
  const wanted = getPublicIpv6(config)
  const without = names.filter((name) =>
    wanted.some((each) => !ipv6.some((record) => record.name === name && isSameIpv6(record.content, each))),
  )
  const known = ipv6.length > 0 ? await Promise.all(eachServer(context).map(readOwnIpv6)) : []
  const own = known.flat()
  const stale = [
    ...cnames.filter((record) => !leadsHere(record)),
    ...ipv6.filter(({ content }) => !own.includes(expandIpv6(content))),
  ]
  // The PATCH of a type replaces all its records.
  const spared = getSparedIpv6(config, known)
  const kept = ipv6.filter(({ content }) => spared.includes(expandIpv6(content)))
  const set = [
    ...(isSet ? [] : names.flatMap((name) => addresses.map((content) => ({ name, type: 'A', content })))),
    ...without.flatMap((name) => [
      ...wanted.map((content) => ({ name, type: 'AAAA', content })),
      ...kept.filter((record) => record.name === name),
    ]),
  ]
  const requests = [
    ...stale.map(({ id = '' }) => createDeleteRequest(config, zone.id, id, '***')),
    ...(set.length > 0 ? [createPatchRequest(config, zone.id, set, '***')] : []),
  ]
  return { requests, stale }
}

/** Waits until the name server has the records, but no longer than two minutes: the certificate task checks them again. */
async function waitUntilResolved(context: VpsContext, log: Log): Promise<void> {
  let names: readonly string[] = []
  let silence: unknown
  const isSeen = async () => {
    try {
      names = [...new Set((await readFaults(context)).map(({ name }) => name))]
      silence = undefined
    } catch (thrown) {
      // A name server may not answer while it loads the zone again.
      if (!isUnanswered(thrown)) throw thrown
      silence = thrown
    }
    return (!silence && names.length === 0) || undefined
  }
  const seen = await poll(isSeen, { intervalMs: 2000, timeoutMs: 120_000 })
  if (silence) throw silence
  log(
    seen
      ? formatPointed(context.config)
      : `not visible yet: ${names.join(', ')}; resolvers keep old answers for a while`,
  )
}
