import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { createQuickContext, runCheck } from '../../../lib/checks/run.ts'
import { siteOverIpv6 } from '../../../lib/checks/site/ipv6.ts'
import type { VpsContext } from '../../../lib/tasks/task.ts'
import { loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'
import { listen, startNameServer, startSite } from '../../support/servers.ts'

const domain = 'site.test'
const names = [domain, `www.${domain}`]
const neutral = 'HEALTH_NEUTRAL_TARGETS=192.0.2.9:443,tcp://[::1]:443'

async function createContext(address: string | undefined, runner: VpsContext['runner'], ...lines: string[]) {
  const addresses = address ? ['192.0.2.1', address] : ['192.0.2.1']
  const dns = await startNameServer(Object.fromEntries(names.map((name) => [name, addresses])))
  const config = await loadTestConfig(
    `DOMAIN=${domain}`,
    'IONOS_HOST=192.0.2.1',
    `DNS_SERVER=${dns}`,
    ...lines,
  )
  return { ...toSite(config), runner }
}

const judge = async (context: VpsContext) => {
  const { verdict, detail, silent, maintenance } = await runCheck(siteOverIpv6, createQuickContext(context))
  return { verdict, detail, silent, maintenance }
}

const page = (status: number, body = '<html>'): [number, string] => [status, body]
const home: [number, string] = [301, `https://${domain}/`]

test('without an AAAA record nothing is requested', async () => {
  const context = await createContext(undefined, openRunner())
  expect(await judge(context)).toMatchObject({
    verdict: 'OK',
    detail: 'no AAAA record, so visitors use IPv4',
  })
})

test('both names are requested at the address of the AAAA record, over HTTPS and HTTP', async () => {
  const asked: string[] = []
  const { runner } = await startSite(
    domain,
    (url, host) => {
      asked.push(`https://${host}${url}`)
      return host === domain ? page(200) : home
    },
    (url, host) => {
      asked.push(`http://${host}${url}`)
      return home
    },
    { address: '::1' },
  )
  expect(await judge(await createContext('::1', runner))).toMatchObject({
    verdict: 'OK',
    detail: '::1 answers',
  })
  expect(asked.sort()).toEqual(names.flatMap((name) => [`http://${name}/`, `https://${name}/`]).sort())
})

test('a site that answers over IPv4 alone is CRITICAL for visitors with IPv6', async () => {
  // The same ports, where only 127.0.0.1 listens.
  const { runner } = await startSite(
    domain,
    () => page(200),
    () => home,
  )
  const { verdict, detail } = await judge(await createContext('::1', runner))
  expect(verdict).toBe('CRITICAL')
  expect(detail).toContain(`https://${domain}/ over IPv6 (::1): connect ECONNREFUSED ::1:`)
})

test('a wrong answer and a wrong certificate over IPv6 are CRITICAL; our maintenance is marked', async () => {
  const marked = '<html><meta name="generator" content="codex-dominion-maintenance">'
  const answers: [string[], [number, string], string, true | undefined][] = [
    [names, page(502), `https://${domain}/ over IPv6 (::1) answers 502`, undefined],
    [names, page(503, marked), `https://${domain}/ over IPv6 (::1) answers 503`, true],
    [['other.test'], page(200), 'does not match certificate', undefined],
  ]
  for (const [certified, answer, said, maintenance] of answers) {
    const { runner } = await startSite(
      domain,
      (_, host) => (host === domain ? answer : home),
      () => home,
      { address: '::1', names: certified },
    )
    const seen = await judge(await createContext('::1', runner))
    expect(seen).toMatchObject({ verdict: 'CRITICAL', detail: expect.stringContaining(said) })
    expect(seen.maintenance).toBe(maintenance)
  }
})

/** A runner whose every request ends with this error; the neutral target answers on that port. */
function silence(code: string, port: number): VpsContext['runner'] {
  const runner = openRunner({
    reach: { resolve: async (address) => [{ address, family: 6 }], authorities: [] },
  })
  const dial: VpsContext['runner']['dial'] = (value) => runner.dial({ ...value, port })
  const request = async () => {
    throw Object.assign(new Error(`connect ${code} 2001:db8::80:443`), { code, syscall: 'connect' })
  }
  return { ...runner, request, dial }
}

test.each([
  ['ETIMEDOUT', true, 'CRITICAL', 'over IPv6 (2001:db8::80): connect ETIMEDOUT'],
  ['ENETUNREACH', true, 'CRITICAL', 'over IPv6 (2001:db8::80): connect ENETUNREACH'],
  ['ENETUNREACH', false, 'OK', 'not checked: this machine has no IPv6 (the records name 2001:db8::80)'],
  [
    'ETIMEDOUT',
    false,
    'WARNING',
    '2001:db8::80 does not answer this machine, and neither does tcp://[::1]:443',
  ],
] as const)('%s, while a neutral IPv6 target answers: %s → %s', async (code, answers, verdict, said) => {
  const port = answers ? await listen(createServer(), '::1') : 1
  const context = await createContext('2001:db8::80', silence(code, port), neutral)
  expect(await judge(context)).toMatchObject({ verdict, detail: expect.stringContaining(said) })
})

test('without a neutral IPv6 target, silence is a WARNING', async () => {
  const targets = 'HEALTH_NEUTRAL_TARGETS=192.0.2.9:443,192.0.2.10:443'
  const context = await createContext('2001:db8::80', silence('ETIMEDOUT', 1), targets)
  expect(await judge(context)).toMatchObject({
    verdict: 'WARNING',
    detail: '2001:db8::80 does not answer this machine, and nothing shows that it has IPv6',
    silent: true,
  })
})
