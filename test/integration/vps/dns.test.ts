import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { type Check, pass, type QuickContext } from '../../../lib/checks/check.ts'
import { createQuickContext, runCheck } from '../../../lib/checks/run.ts'
import { dns as dnsCheck, dnsRecords } from '../../../lib/checks/site/dns.ts'
import type { HttpRequest, HttpResponse } from '../../../lib/net/http.ts'
import { display } from '../../../lib/shell/command.ts'
import type { Runner } from '../../../lib/shell/runner.ts'
import { executeTasks } from '../../../lib/tasks/engine.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { assertDnsPointsHere, expandIpv6 } from '../../../lib/vps/dns/records.ts'
import { dnsTask } from '../../../lib/vps/dns/task.ts'
import { getRememberedIpv6, readOwnIpv6 } from '../../../lib/vps/serverState.ts'
import { createIonosDns } from '../../../rehearsal/azure/ionosDns.ts'
import { getFailure, loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'
import { startNameServer } from '../../support/servers.ts'
import { engine } from '../../support/tasks.ts'

const domain = 'site.test'
const www = `www.${domain}`
const address = '192.0.2.1'
const own = '2001:db8::1'
const key = 'prefix.secret'

type Records = { name: string; type: string; content: string; prio?: number }[]

const right: Records = [domain, www].map((name) => ({ name, type: 'A', content: address }))
const stale: Records = [
  { name: domain, type: 'AAAA', content: '2001:db8::80' },
  { name: www, type: 'AAAA', content: '2001:db8::81' },
]
const others: Records = [
  { name: domain, type: 'AAAA', content: '2001:DB8:0:0::1' },
  { name: `status.${domain}`, type: 'AAAA', content: '2001:db8::80' },
  { name: domain, type: 'MX', content: 'mx00.ionos.com', prio: 10 },
]

/** A zone at the emulated IONOS, published by a name server, and a VPS with one IPv6 address. */
async function world(records: Records, ...lines: string[]) {
  const answers: Record<string, string[]> = {}
  const replace = (host: string, addresses: string[], is: (address: string) => boolean) => {
    answers[host] = [...(answers[host] ?? []).filter((each) => !is(each)), ...addresses]
  }
  const isIpv6 = (text: string) => text.includes(':')
  const dns = {
    address: '',
    set: async (host: string, addresses: string[]) => replace(host, addresses, (each) => !isIpv6(each)),
    setIpv6: async (host: string, addresses: string[]) => replace(host, addresses, isIpv6),
    remove: async (host: string) => replace(host, [], (each) => !isIpv6(each)),
    stop: async () => {},
  }
  const ionos = await createIonosDns(dns, { apiKey: key, zones: { [domain]: records } })
  const server = await startNameServer(answers)
  const config = await loadTestConfig(
    `DOMAIN=${domain}`,
    `IONOS_HOST=${address}`,
    `DNS_SERVER=${server}`,
    ...lines,
  )
  mkdirSync(config.stateDir, { recursive: true })
  const asked: string[] = []
  const request = async (sent: HttpRequest): Promise<HttpResponse> => {
    const { host, pathname, searchParams: query } = new URL(sent.url)
    const call = { method: sent.method, host, path: pathname, query, headers: { ...sent.headers } }
    const { status, body } = await ionos({ ...call, body: Buffer.from(sent.body ?? '') })
    if (sent.method !== 'GET') asked.push(`${sent.method} ${pathname}`)
    return { status, headers: {}, body: JSON.stringify(body ?? null), phases: { total: 1 } }
  }
  const facts = { listening: true }
  const run: Runner['run'] = async () => {
    const state = ['server-state\t1', `ipv6.address\t${expandIpv6(own)}`, 'units.active\tactive active']
    const stdout = [...state, ...(facts.listening ? ['nginx.ipv6\tyes'] : []), 'end\tserver-state'].join('\n')
    return { code: 0, stdout, stderr: '', timedOut: false }
  }
  const context = { ...toSite(config), runner: { ...openRunner(), request, run } }
  const zone = async (): Promise<{
    records: { id: string; name: string; type: string; content: string }[]
  }> => {
    const read = (place: string) =>
      request({
        method: 'GET',
        url: `${config.ionos.dnsApi}/v1/zones${place}`,
        effect: 'read',
        headers: { 'x-api-key': key },
        timeoutMs: 1000,
      })
    const [{ id }] = JSON.parse((await read('')).body)
    return JSON.parse((await read(`/${id}`)).body)
  }
  return { context, zone, asked, facts }
}

const judge = async (check: Check<QuickContext>, context: QuickContext['context']) => {
  const { verdict, detail } = await runCheck(check, createQuickContext(context))
  return { verdict, detail }
}
const contents = (records: { name: string; type: string; content: string }[]) =>
  records.map(({ name, type, content }) => `${name} ${type} ${content}`).sort()

test('with a key exactly the stale AAAA records are deleted; each is in the plan, and the zone is saved', async () => {
  const { context, zone, asked } = await world([...right, ...stale, ...others], `IONOS_DNS_KEY=${key}`)
  const before = await zone()
  const ids = stale.map(({ content }) => before.records.find((each) => each.content === content)!.id)
  const task = dnsTask(context, { required: true })
  const plan = await task.inspect(nothingAhead)
  expect(plan).toMatchObject({
    state: 'change',
    fields: stale.map(({ name, content }, index) => ({
      name: `AAAA ${name}`,
      before: content,
      after: `none (record ${ids[index]})`,
    })),
  })
  const lines = 'effects' in plan ? (plan.effects ?? []).map(display) : []
  expect(lines).toEqual(
    ids.map((id) => expect.stringMatching(new RegExp(`^DELETE https://\\S+/v1/zones/\\S+/records/${id}$`))),
  )
  expect(asked).toEqual([])

  const [outcome] = await executeTasks([task], engine({ runner: context.runner }))
  expect(outcome).toMatchObject({ state: 'change' })
  expect(asked.map((line) => line.split('/').at(-1))).toEqual(ids)
  expect(contents((await zone()).records)).toEqual(contents([...right, ...others]))
  const folder = path.join(context.config.stateDir, 'dns')
  const [saved = ''] = readdirSync(folder)
  expect(JSON.parse(readFileSync(path.join(folder, saved), 'utf8'))).toEqual(before)
  expect(statSync(path.join(folder, saved)).mode & 0o777).toBe(0o600)
  expect(await task.inspect(nothingAhead)).toMatchObject({ state: 'ok' })
})

test('a wrong A record and a stale AAAA record are corrected in one run', async () => {
  const elsewhere = right.map((record) => ({ ...record, content: '192.0.2.80' }))
  const { context, zone, asked } = await world([...elsewhere, ...stale], `IONOS_DNS_KEY=${key}`)
  const [outcome] = await executeTasks([dnsTask(context)], engine({ runner: context.runner }))
  expect(outcome).toMatchObject({ state: 'change' })
  expect(asked.map((line) => line.split(' ')[0])).toEqual(['DELETE', 'DELETE', 'PATCH'])
  expect(contents((await zone()).records)).toEqual(contents(right))
})

test('www as a CNAME of the domain is right, and stays when the domain is corrected', async () => {
  const cname = { name: www, type: 'CNAME', content: `${domain}.` }
  const { context, zone, asked } = await world(
    [{ name: domain, type: 'A', content: '192.0.2.80' }, cname],
    `IONOS_DNS_KEY=${key}`,
  )
  const task = dnsTask(context)
  await executeTasks([task], engine({ runner: context.runner }))
  expect(asked.map((line) => line.split(' ')[0])).toEqual(['PATCH'])
  expect(contents((await zone()).records)).toEqual(contents([right[0]!, cname]))
  expect(await task.inspect(nothingAhead)).toMatchObject({ state: 'ok' })
})

test('a CNAME that leads elsewhere is deleted before an A record takes its place', async () => {
  const cname = { name: www, type: 'CNAME', content: 'parking.example' }
  const { context, zone, asked } = await world([right[0]!, cname], `IONOS_DNS_KEY=${key}`)
  const task = dnsTask(context)
  expect(await task.inspect(nothingAhead)).toMatchObject({
    fields: expect.arrayContaining([
      { name: `CNAME ${www}`, before: 'parking.example', after: expect.stringMatching(/^none \(record /) },
    ]),
  })
  await executeTasks([task], engine({ runner: context.runner }))
  expect(asked.map((line) => line.split(' ')[0])).toEqual(['DELETE', 'PATCH'])
  expect(contents((await zone()).records)).toEqual(contents(right))
})

test('task, certificate, doctor and health give one verdict on a stale AAAA record', async () => {
  const { context } = await world([...right, ...stale])
  const message = stale
    .map(({ name, content }) => `${name} has AAAA ${content}, which does not belong to the VPS: delete it`)
    .join('; ')
  expect(await judge(dnsCheck, context), 'a machine that never saw the VPS').toEqual({
    verdict: 'WARNING',
    detail: stale
      .map(
        ({ name, content }) =>
          `${name} has AAAA ${content}, and this machine does not know whether that is the VPS`,
      )
      .join('; '),
  })
  expect(await judge(dnsRecords, context)).toEqual({ verdict: 'CRITICAL', detail: message })
  expect(getRememberedIpv6(context)).toEqual([expandIpv6(own)])
  expect(await judge(dnsCheck, context), 'with what doctor saw').toEqual({
    verdict: 'CRITICAL',
    detail: message,
  })
  const refused = await getFailure(assertDnsPointsHere(context, () => readOwnIpv6(context)))
  expect(refused.said).toBe(message.replace('; ', '\n'))
  const [outcome] = await executeTasks(
    [dnsTask(context, { required: true })],
    engine({ runner: context.runner }),
  )
  expect(outcome).toMatchObject({ state: 'failed', error: { message } })
})

const ours: Records = [domain, www].map((name) => ({ name, type: 'AAAA', content: own }))
const keys = [`IONOS_DNS_KEY=${key}`, `IONOS_PUBLIC_IPV6=${own}`]

test('AAAA records of IONOS_PUBLIC_IPV6 are set; stale ones are deleted, and all others stay', async () => {
  const { context, zone, asked } = await world([...right, ...stale, ...others.slice(1)], ...keys)
  const task = dnsTask(context, { required: true })
  expect(await task.inspect(nothingAhead)).toMatchObject({
    what: expect.stringContaining(`${domain} has no AAAA ${own}, the configured address`),
    fields: expect.arrayContaining([expect.objectContaining({ name: `AAAA ${domain}`, after: own })]),
  })
  const [outcome] = await executeTasks([task], engine({ runner: context.runner }))
  expect(outcome).toMatchObject({ state: 'change' })
  expect(asked.map((line) => line.split(' ')[0])).toEqual(['DELETE', 'DELETE', 'PATCH'])
  expect(contents((await zone()).records)).toEqual(contents([...right, ...ours, ...others.slice(1)]))
  expect(await task.inspect(nothingAhead)).toMatchObject({
    state: 'ok',
    reason: `both names point at ${address} and ${own}`,
  })
})

test('each name has the addresses of both servers; a record of one that is gone is deleted', async () => {
  const { context: one, zone, asked } = await world([...right, ...stale], ...keys)
  const [first] = one.config.servers
  const second = { ...first, name: 'vps2', address: 'b.test', publicIp: '192.0.2.2', publicIpv6: '' }
  const context = { ...one, config: { ...one.config, servers: [first, second] as const } }
  const task = dnsTask(context, { required: true })
  expect(await task.inspect(nothingAhead)).toMatchObject({
    what: expect.stringContaining(`${www} has A ${address}, wanted: A ${address}, 192.0.2.2`),
  })
  const [outcome] = await executeTasks([task], engine({ runner: context.runner }))
  expect(outcome).toMatchObject({ state: 'change' })
  expect(asked.map((line) => line.split(' ')[0])).toEqual(['DELETE', 'DELETE', 'PATCH'])
  const more = [domain, www].map((name) => ({ name, type: 'A', content: '192.0.2.2' }))
  expect(contents((await zone()).records)).toEqual(contents([...right, ...more, ...ours]))
  expect(await task.inspect(nothingAhead)).toMatchObject({
    reason: `both names point at ${address} and 192.0.2.2 and ${own}`,
  })
  expect(await judge(dnsCheck, context)).toEqual(pass(`both names point at ${address} and 192.0.2.2`))
  expect(await judge(dnsCheck, one), 'one server again').toMatchObject({ verdict: 'CRITICAL' })
})

test('a missing AAAA record is a WARNING, and does not keep the CA away', async () => {
  const { context } = await world(right, `IONOS_PUBLIC_IPV6=${own}`)
  const message = `${domain} has no AAAA ${own}, the configured address`
  for (const check of [dnsRecords, dnsCheck])
    expect(await judge(check, context)).toMatchObject({
      verdict: 'WARNING',
      detail: expect.stringContaining(message),
    })
  await assertDnsPointsHere(context, () => readOwnIpv6(context))
  const plan = await dnsTask(context).inspect(nothingAhead)
  expect(plan).toMatchObject({ state: 'change', manual: true })
})

test('no AAAA record is set where nginx does not listen on IPv6, unless it will', async () => {
  const { context, asked, facts } = await world(right, ...keys)
  facts.listening = false
  const refused = await getFailure(dnsTask(context).inspect(nothingAhead))
  expect(refused).toMatchObject({
    what: `nginx on the VPS does not listen on IPv6, so no AAAA record was set for ${own}`,
    next: expect.stringContaining('configure-nginx'),
  })
  const plan = await dnsTask(context).inspect({ ...nothingAhead, willChange: () => true })
  expect(plan).toMatchObject({ state: 'change' })
  expect(asked).toEqual([])
})

test('an address that the VPS does not have is refused by every command', async () => {
  const { context, asked } = await world(right, `IONOS_DNS_KEY=${key}`, 'IONOS_PUBLIC_IPV6=2001:db8::2')
  const what = 'The VPS does not have the address 2001:db8::2 of IONOS_PUBLIC_IPV6'
  const refused = await getFailure(dnsTask(context).inspect(nothingAhead))
  expect(refused).toMatchObject({ what, next: expect.stringContaining('It has 2001:db8::1.'), exitCode: 2 })
  expect(await judge(dnsRecords, context)).toMatchObject({
    verdict: 'CRITICAL',
    detail: expect.stringContaining(what),
  })
  expect(asked).toEqual([])
})

test('an IPv6 address of the VPS that no record names is offered', async () => {
  const { context } = await world(right)
  expect(await dnsTask(context).inspect(nothingAhead)).toMatchObject({
    reason: `both names point at ${address}`,
  })
  await readOwnIpv6(context)
  expect(await dnsTask(context).inspect(nothingAhead)).toMatchObject({
    reason: `both names point at ${address}; the VPS also has ${own}, which IONOS_PUBLIC_IPV6 in .env would publish as AAAA records`,
  })
})

test("the VPS's own AAAA record is right everywhere", async () => {
  const { context } = await world([...right, ...others])
  const good = pass(`both names point at ${address}`)
  expect(await judge(dnsRecords, context)).toEqual(good)
  expect(await judge(dnsCheck, context)).toEqual(good)
  expect(await dnsTask(context).inspect(nothingAhead)).toMatchObject({ state: 'ok' })
})
