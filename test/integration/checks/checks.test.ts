import { createServer as createTcp, type Socket } from 'node:net'
import { createServer as createTls } from 'node:tls'
import { expect, test } from 'vitest'
import { redisTls } from '../../../lib/checks/azure/redis.ts'
import { workerJob } from '../../../lib/checks/azure/workerJob.ts'
import { type Check, type Observation, pass, type QuickContext, select } from '../../../lib/checks/check.ts'
import { checks } from '../../../lib/checks/list.ts'
import { assertThat, createQuickContext, hasPassed, runCheck, runChecks } from '../../../lib/checks/run.ts'
import { backend } from '../../../lib/checks/site/api.ts'
import { dns as dnsCheck } from '../../../lib/checks/site/dns.ts'
import { createCertificate } from '../../support/certificate.ts'
import {
  backendHost,
  loadTestConfig,
  temporaryFolder,
  toSite,
  withBackendHost,
} from '../../support/helpers.ts'
import { createPortRunner, listen, type Pages, startNameServer, startSite } from '../../support/servers.ts'

const domain = 'site.test'
const byId = (results: Observation[]) =>
  Object.fromEntries(results.map((each) => [each.probe.id, [hasPassed(each), each.detail]]))
/** What a visitor gets: the site and its API. */
const ofVisitors: Check<QuickContext>[] = select(checks, 'verify').filter(({ tags }) =>
  tags.includes('ionos'),
)
const paths = ['', ...Array.from({ length: 54 }, (_, index) => `/page-${index}`)]

/** The site as it should be; `change` can answer first. */
const site =
  (change: (url: string, host: string) => [number, string] | undefined = () => undefined): Pages =>
  (url, host) => {
    const changed = change(url, host)
    if (changed) return changed
    if (host.startsWith('www.')) return [301, `https://${domain}${url}`]
    if (url === '/sitemap.xml') {
      return [200, paths.map((path) => `<url><loc>https://${domain}${path}</loc></url>`).join('')]
    }
    if (url === '/_next/static/app.js') return [200, '']
    if (url === '/' || /^\/page-\d+$/.test(url))
      return [200, '<html><script src="/_next/static/app.js"></html>']
    const areas: Record<string, object> = {
      '/api/ai/status': { capsules: [1] },
      '/api/treasury/summary': { balance: 0 },
      '/api/workflows': { workflows: [1, 2] },
      '/api/councils': { councils: [1] },
      '/api/agents': { agents: [1] },
    }
    return areas[url] ? [200, JSON.stringify(areas[url])] : [404, '<html>not found</html>']
  }
const toHttps: Pages = (url) => [301, `https://${domain}${url}`]

async function results(
  change?: Parameters<typeof site>[0],
  http = toHttps,
  more: Parameters<typeof startSite>[3] = {},
) {
  const { runner } = await startSite(domain, site(change), http, more)
  const records = { [domain]: ['192.0.2.1'], [`www.${domain}`]: ['192.0.2.1'] }
  const dns = await startNameServer(records)
  const config = await loadTestConfig(`DOMAIN=${domain}`, 'IONOS_HOST=192.0.2.1', `DNS_SERVER=${dns}`)
  return byId(
    await runChecks(ofVisitors, createQuickContext({ ...toSite(config), runner }, { filled: true })),
  )
}

test('a healthy site passes every check', async () => {
  const seen = await results()
  expect(Object.entries(seen).filter(([, [ok]]) => !ok)).toEqual([])
  expect(Object.keys(seen)).toEqual([
    ...['site-https', 'api-ai', 'api-treasury', 'api-workflows', 'api-councils', 'api-agents'],
    ...['certificate', 'dns', 'ipv6', 'http-redirect', 'www-redirect', 'not-found', 'pages'],
  ])
  expect(seen.pages).toEqual([true, '55 pages, 1 assets'])
  expect(seen['api-workflows']?.[1]).toMatch(/^200 in \d+ ms, 2 workflows$/)
})

test.each<[string, string, Parameters<typeof site>[0], string]>([
  [
    'site-https',
    'a broken front page',
    (url) => (url === '/' ? [502, 'bad'] : undefined),
    'https://site.test/ answers 502',
  ],
  [
    'site-https',
    'no page at all',
    (url) => (url === '/' ? [200, 'hello'] : undefined),
    'https://site.test/ is not a page',
  ],
  [
    'www-redirect',
    'www on its own',
    (_, host) => (host.startsWith('www.') ? [200, '<html>'] : undefined),
    'https://www.site.test/workflows answers 200',
  ],
  [
    'not-found',
    'missing pages that say 200',
    (url) => (url.startsWith('/no-such-page') ? [200, '<html>'] : undefined),
    'a missing page answers 200, a missing chunk 404',
  ],
  [
    'not-found',
    'a 404 without a page',
    (url) => (url.startsWith('/no-such-page') ? [404, 'nothing'] : undefined),
    'the 404 answer has no page',
  ],
  [
    'pages',
    'a page that is gone',
    (url) => (url === '/page-7' ? [404, ''] : undefined),
    '/page-7 answers 404',
  ],
  [
    'pages',
    'an asset that is gone',
    (url) => (url === '/_next/static/app.js' ? [404, ''] : undefined),
    'missing: /_next/static/app.js',
  ],
  [
    'pages',
    'too few pages',
    (url) => (url === '/sitemap.xml' ? [200, '<loc>https://site.test/</loc>'] : undefined),
    'the site map lists 1 pages, fewer than 52',
  ],
  [
    'api-agents',
    'an API area that fails',
    (url) => (url === '/api/agents' ? [503, '{"error":"database"}'] : undefined),
    '/api/agents answers 503: database',
  ],
  [
    'api-councils',
    'an API area with nothing from the database',
    (url) => (url === '/api/councils' ? [200, '{"councils":[]}'] : undefined),
    '/api/councils has no councils',
  ],
])('%s detects %s', async (id, _, change, detail) => {
  const seen = await results(change)
  expect(seen[id]).toEqual([false, detail])
})

test('http-redirect detects HTTP without a redirect, or with a wrong one', async () => {
  const stays = await results(undefined, () => [200, '<html>'])
  expect(stays['http-redirect']).toEqual([false, 'http://site.test/workflows?a=1 answers 200'])
  const elsewhere = await results(undefined, () => [301, 'https://site.test/'])
  expect(elsewhere['http-redirect']?.[1]).toBe(
    'http://site.test/workflows?a=1 leads to https://site.test/, not to https://site.test/workflows?a=1',
  )
})

test('certificate detects a missing name', async () => {
  const seen = await results(undefined, toHttps, { names: [domain] })
  expect(seen.certificate).toEqual([false, 'it is not valid for www.site.test (DNS:site.test)'])
})

test.each([
  [{ [domain]: ['192.0.2.1'] }, 'www.site.test has no A record, wanted: A 192.0.2.1'],
  [
    { [domain]: ['192.0.2.9'] },
    'site.test has A 192.0.2.9, wanted: A 192.0.2.1; www.site.test has no A record, wanted: A 192.0.2.1',
  ],
  [
    { [domain]: ['192.0.2.1', '192.0.2.9'] },
    'site.test has A 192.0.2.1, 192.0.2.9, wanted: A 192.0.2.1; www.site.test has no A record, wanted: A 192.0.2.1',
  ],
])('dns detects %j', async (records, detail) => {
  const config = await loadTestConfig(
    `DOMAIN=${domain}`,
    'IONOS_HOST=192.0.2.1',
    `DNS_SERVER=${await startNameServer(records)}`,
  )
  const checking = createQuickContext({ ...toSite(config), runner: createPortRunner(undefined, () => 1) })
  expect(byId(await runChecks([dnsCheck], checking)).dns).toEqual([false, detail])
})

test('the backend is requested at its own name and port', async () => {
  const asked: string[] = []
  const { runner } = await startSite(domain, site(), (url, host) => {
    asked.push(`${host}${url}`)
    return asked.length === 1 ? [200, '{}'] : [503, '{"redis":"down"}']
  })
  const config = await loadTestConfig()
  const checking = createQuickContext({ ...toSite(config), runner })
  expect(await runCheck(backend, checking), 'a machine that never saw it').toMatchObject({
    verdict: 'UNKNOWN',
    detail: 'its host name, which Azure chooses, is not known here',
  })
  expect(asked).toEqual([])
  withBackendHost(config)
  expect((await runCheck(backend, checking)).detail).toMatch(/^200 in \d+ ms$/)
  expect(await runCheck(backend, checking)).toMatchObject({
    verdict: 'CRITICAL',
    detail: expect.stringContaining('/health answers 503: {"redis":"down"}'),
  })
  expect(asked[0]).toBe(`${backendHost}:5000/health`)
})

const redisHost = 'codexdominion-redis.eastus.redis.azure.net'
test.each([
  ['TLS and a key', '-NOAUTH Authentication required.\r\n', undefined, true, 'TLS and a key are required'],
  ['no key', '+PONG\r\n', undefined, false, 'Redis does not require a key'],
  ['something else', 'HTTP/1.1 400\r\n', undefined, false, 'Redis does not answer over TLS'],
  ['a plain door beside', '-NOAUTH\r\n', '-NOAUTH\r\n', false, 'a plain connection is answered'],
])('redis-tls detects %s', async (_, overTls, plain, ok, detail) => {
  const certificate = createCertificate(temporaryFolder(), [redisHost])
  const say = (words: string) => (socket: Socket) =>
    socket.on('error', () => {}).on('data', () => socket.write(words))
  const tlsPort = await listen(createTls(certificate, say(overTls)))
  // As at Azure: one port, which accepts only TLS, unless the case has a plain-text port.
  const plainPort = plain === undefined ? tlsPort : await listen(createTcp(say(plain)))
  const runner = createPortRunner(
    certificate,
    () => 1,
    ({ tls }) => (tls ? tlsPort : plainPort),
  )
  const checking = createQuickContext({ ...toSite(await loadTestConfig()), runner })
  const seen = byId(await runChecks([redisTls], checking))['redis-tls']
  expect(seen).toEqual([ok, expect.stringContaining(detail)])
})

test('worker-job starts a workflow and waits until its row has changed', async () => {
  let runs = 3
  const { runner } = await startSite(
    domain,
    (url) => {
      if (url === '/api/workflows/run') {
        setTimeout(() => runs++, 300)
        return [202, '{}']
      }
      return [200, JSON.stringify({ workflows: [{ id: 1, name: 'dawn', runs }] })]
    },
    toHttps,
  )
  const config = await loadTestConfig(`DOMAIN=${domain}`)
  const { detail } = await runCheck(workerJob, createQuickContext({ ...toSite(config), runner }))
  expect(detail).toMatch(/^dawn: run 4 finished after \d+ ms$/)
  expect(runner.count.change).toBe(1)
})

test('worker-job sends the token that belongs to APP_SECRET_KEY, and none when the key is not set', async () => {
  let runs = 0
  const seen: (string | undefined)[] = []
  const { runner } = await startSite(
    domain,
    (url, _host, headers) => {
      if (!url.endsWith('/run')) return [200, JSON.stringify({ workflows: [{ id: 1, name: 'dawn', runs }] })]
      runs++
      seen.push(headers.authorization)
      return [202, '{}']
    },
    toHttps,
  )
  for (const key of [['APP_SECRET_KEY=0123456789abcdef0123456789abcdef'], []]) {
    const config = await loadTestConfig(`DOMAIN=${domain}`, ...key)
    expect(hasPassed(await runCheck(workerJob, createQuickContext({ ...toSite(config), runner })))).toBe(true)
  }
  expect(seen).toEqual(['Bearer ddd34f1e66d929fe32a6449421653c55f4b41f098f30ee2fc268d8ff8bfb1bfe', undefined])
})

test('worker-job says why a job was not accepted', async () => {
  const { runner } = await startSite(
    domain,
    (url) =>
      url.endsWith('/run')
        ? [503, 'queue is down']
        : [200, '{"workflows":[{"id":1,"name":"dawn","runs":0}]}'],
    toHttps,
  )
  const checking = createQuickContext({ ...toSite(await loadTestConfig(`DOMAIN=${domain}`)), runner })
  expect(await runCheck(workerJob, checking)).toMatchObject({
    verdict: 'CRITICAL',
    detail: 'the job was not accepted: 503 queue is down',
  })
})

test('checks run in parallel, and none stops another', async () => {
  const slow = (id: string, ms: number, fails = false): Check<QuickContext> => ({
    ...{ id, title: id, tags: [], needs: 'nothing' },
    run: () =>
      new Promise((resolve, reject) =>
        setTimeout(() => (fails ? reject('no words') : resolve(pass(id))), ms),
      ),
  })
  const context = { ...toSite(await loadTestConfig()), runner: createPortRunner(undefined, () => 1) }
  const started = Date.now()
  const seen = await runChecks(
    [slow('a', 150), slow('b', 100, true), slow('c', 150)],
    createQuickContext(context),
  )
  expect(Date.now() - started).toBeLessThan(350)
  expect(byId(seen)).toEqual({ a: [true, 'a'], b: [false, 'no words'], c: [true, 'c'] })
  expect(() => assertThat(0, 'zero is nothing')).toThrow('zero is nothing')
})
