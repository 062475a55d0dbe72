import { createServer, type RequestListener } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { createServer as createTcp } from 'node:net'
import { createServer as createTls } from 'node:tls'
import { expect, test } from 'vitest'
import type { Check, QuickContext } from '../../../lib/checks/check.ts'
import { listProbes, runProbes, targetsAtOnce } from '../../../lib/checks/health.ts'
import { createQuickContext, observe, webTimeoutMs } from '../../../lib/checks/run.ts'
import { targetCheck } from '../../../lib/checks/site/target.ts'
import type { VpsContext } from '../../../lib/tasks/task.ts'
import { createCertificate } from '../../support/certificate.ts'
import {
  loadTestConfig,
  openRunner,
  readTranscript,
  temporaryFolder,
  toSite,
  withBackendHost,
} from '../../support/helpers.ts'
import { createPortRunner, listen, startNameServer } from '../../support/servers.ts'

const domain = 'site.test'
const { signal } = new AbortController()
const wellKnown: Record<string, object> = {
  '/api/ai/status': { capsules: [1] },
  '/api/treasury/summary': { balance: 0 },
  '/api/workflows': { workflows: [] },
  '/api/councils': { councils: [1] },
  '/api/agents': { agents: [1] },
}

const well: RequestListener = (incoming, outgoing) => {
  const { url = '' } = incoming
  const host = incoming.headers.host ?? ''
  if (host.startsWith('www.')) outgoing.writeHead(301, { location: `https://${domain}${url}` }).end()
  else outgoing.end(url === '/' ? '<html>' : JSON.stringify(wellKnown[url] ?? { status: 'ok' }))
}
const toHttps: RequestListener = (incoming, outgoing) =>
  incoming.headers.host === domain
    ? outgoing.writeHead(301, { location: `https://${domain}${incoming.url}` }).end()
    : outgoing.end('{}')

interface World extends VpsContext {
  /** The number of connections that the neutral targets accepted. */
  asked(): number
}

/**
 * How the neutral targets behave: unreachable, like the rest of the Internet, or as a portal that accepts every
 * request.
 */
type Neutral = 'none' | 'real' | 'portal' | 'mute portal'

/**
 * A site, a backend, a name server and two neutral targets, all real and on the loopback.
 * @param portal whether a captive portal answers in place of the site, too
 */
async function world({
  https = well,
  http = toHttps,
  neutral = 'real' as Neutral,
  scheme = '',
  portal = false,
  up = true,
} = {}): Promise<World> {
  const names = [domain, `www.${domain}`, '127.0.0.1', 'localhost']
  const certificate = createCertificate(temporaryFolder(), names, 90)
  const foreign = createCertificate(temporaryFolder(), ['portal.test'], 90)
  const ports = up
    ? {
        'https:': await listen(createHttps(portal ? foreign : certificate, https)),
        'http:': await listen(createServer(http)),
      }
    : { 'https:': 1, 'http:': 1 }
  let asked = 0
  const listener =
    neutral === 'mute portal' ? createTcp() : createTls(neutral === 'real' ? certificate : foreign)
  listener.on('connection', () => void asked++)
  listener.on('tlsClientError', () => {})
  const target = neutral === 'none' ? 1 : await listen(listener)
  const config = await loadTestConfig(
    `DOMAIN=${domain}`,
    'IONOS_HOST=192.0.2.1',
    `DNS_SERVER=${await startNameServer({ [domain]: ['192.0.2.1'], [`www.${domain}`]: ['192.0.2.1'] })}`,
    // How fast this machine is does not matter here.
    'HEALTH_STATIC_MS=60000,60000',
    'HEALTH_API_MS=60000,60000',
    `HEALTH_NEUTRAL_TARGETS=${scheme}127.0.0.1:${target},${scheme}localhost:${target}`,
  )
  const runner = createPortRunner(
    certificate,
    (url) => ports[url.protocol as keyof typeof ports],
    ({ port }) => port,
  )
  return { ...toSite(withBackendHost(config)), runner, asked: () => asked }
}

const verdicts = (seen: Awaited<ReturnType<typeof runProbes>>) =>
  Object.fromEntries(seen.observations.map(({ probe, verdict }) => [probe.id, verdict]))

test('in a healthy system every quick probe is OK, with its phases, and nothing else is contacted', async () => {
  const { config, runner, asked } = await world()
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
  expect(seen.observations.filter(({ verdict }) => verdict !== 'OK').map(({ detail }) => detail)).toEqual([])
  expect([seen.verdict, seen.ownNetwork, seen.from, asked()]).toEqual(['OK', 'not asked', 'here', 0])
  expect(seen.observations.map(({ probe }) => probe.id)).toEqual([
    ...['static', 'api', 'backend', 'api-ai', 'api-treasury', 'api-workflows', 'api-councils', 'api-agents'],
    ...['redirects', 'certificate', 'dns', 'ipv6', 'clock'],
  ])
  const { phases, ms } = seen.observations[0]!
  expect(Object.keys(phases!).sort()).toEqual(['connect', 'dns', 'firstByte', 'tls', 'total'])
  expect(phases!.dns! <= phases!.connect! && phases!.tls! <= phases!.firstByte!).toBe(true)
  expect(ms).toBe(phases!.total)
  // No process and no ssh, only requests.
  expect([...new Set(readTranscript(runner).map(({ kind }) => kind))]).toEqual(['request'])
})

test('a failing probe does not affect the others', async () => {
  const { config, runner, asked } = await world({
    https: (incoming, outgoing) =>
      incoming.url === '/api/agents' ? outgoing.writeHead(503).end('no') : well(incoming, outgoing),
  })
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
  expect(Object.entries(verdicts(seen)).filter(([, verdict]) => verdict !== 'OK')).toEqual([
    ['api-agents', 'CRITICAL'],
  ])
  expect([seen.verdict, seen.ownNetwork, asked()]).toEqual(['CRITICAL', 'not asked', 0])
})

test('nothing answers, not even the neutral targets: this machine’s network is down, and nothing is known', async () => {
  const { config, runner } = await world({ up: false, neutral: 'none' })
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
  expect([seen.verdict, seen.ownNetwork]).toEqual(['UNKNOWN', 'down'])
  expect(verdicts(seen)).toMatchObject({ static: 'UNKNOWN', api: 'UNKNOWN', backend: 'UNKNOWN', dns: 'OK' })
  expect(seen.observations[0]!.detail).toMatch(
    /^this machine's network is down or intercepted \(.*127\.0\.0\.1:1/,
  )
})

test('nothing answers except a neutral target: an outage', async () => {
  const { config, runner, asked } = await world({ up: false })
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
  expect([seen.verdict, seen.ownNetwork, asked() > 0]).toEqual(['CRITICAL', 'up', true])
  expect(verdicts(seen)).toMatchObject({ static: 'CRITICAL', backend: 'CRITICAL', certificate: 'CRITICAL' })
})

test.each<[string, Neutral, RegExp | undefined]>([
  ['shows a certificate that nobody vouches for', 'portal', /^If a proxy .* set CA_FILE in \.env to/],
  ['says nothing', 'mute portal', undefined],
])(
  'a portal that accepts every connection and %s does not count as a working network',
  async (_, neutral, advice) => {
    const { config, runner, asked } = await world({ up: false, neutral })
    const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
    expect([seen.verdict, seen.ownNetwork, asked()]).toEqual(['UNKNOWN', 'down', 2])
    expect(seen.observations[0]!.detail).toMatch(
      /^this machine's network is down or intercepted \(.*127\.0\.0\.1:\d+.*; .*localhost:\d+/,
    )
    expect(seen.observations[0]!.next).toEqual(advice && expect.stringMatching(advice))
  },
)

test('tcp:// needs only a connection, no matter who accepts it', async () => {
  const { config, runner } = await world({ up: false, neutral: 'portal', scheme: 'tcp://' })
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
  expect([seen.verdict, seen.ownNetwork]).toEqual(['CRITICAL', 'up'])
})

test('a portal that also answers in place of the site: UNKNOWN, although it answers 200 in plain HTTP', async () => {
  const login: RequestListener = (_, outgoing) => outgoing.end('<html>Please log in')
  const { config, runner } = await world({ portal: true, neutral: 'portal', http: login })
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
  expect([seen.verdict, seen.ownNetwork]).toEqual(['UNKNOWN', 'down'])
  expect(verdicts(seen)).toMatchObject({ static: 'UNKNOWN', certificate: 'UNKNOWN', redirects: 'UNKNOWN' })
})

test('a portal that redirects plain HTTP and drops the rest: UNKNOWN', async () => {
  const redirect: RequestListener = (_, outgoing) =>
    outgoing.writeHead(302, { location: '//portal.test' }).end()
  const { config, runner } = await world({
    https: (incoming) => incoming.destroy(),
    neutral: 'mute portal',
    http: redirect,
  })
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
  expect([seen.verdict, seen.ownNetwork]).toEqual(['UNKNOWN', 'down'])
})

test('a wrong certificate of the site alone is an outage', async () => {
  const well = await world({ portal: true })
  const seen = await runProbes(well, { quick: true, signal })
  expect([seen.verdict, seen.ownNetwork]).toEqual(['CRITICAL', 'up'])
  // The backend answers in plain HTTP, and its answer proves that it is the backend: no neutral target is asked.
  expect(verdicts(seen)).toMatchObject({ static: 'CRITICAL', certificate: 'CRITICAL', backend: 'OK' })
  const alone = await runProbes(well, { quick: true, only: ['static'], signal })
  expect([alone.verdict, alone.ownNetwork, well.asked() > 0]).toEqual(['CRITICAL', 'up', true])
})

test('one answer proves that the network works, so no neutral target is contacted', async () => {
  const { config, runner, asked } = await world({
    https: (incoming, outgoing) => (incoming.url === '/' ? outgoing.destroy() : well(incoming, outgoing)),
  })
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, signal })
  expect(verdicts(seen)).toMatchObject({ static: 'CRITICAL', api: 'OK' })
  expect([seen.verdict, seen.ownNetwork, asked()]).toEqual(['CRITICAL', 'up', 0])
})

test('a certificate that nobody trusts is an answer, and CRITICAL', async () => {
  const { config, runner } = await world()
  const doubting = { ...runner, request: openRunner().request }
  const port = await listen(createHttps(createCertificate(temporaryFolder(), [domain]), well))
  const probe = targetCheck({ id: 'x', url: `https://127.0.0.1:${port}/` })
  const { verdict, silent } = await observe(
    probe,
    createQuickContext({ ...toSite(config), runner: doubting }),
  )
  expect([verdict, silent]).toEqual(['CRITICAL', undefined])
})

test('a probe that hangs gets the verdict of its own time-out, and its request is aborted', async () => {
  const { config, runner } = await world()
  const checking = createQuickContext({
    ...toSite(config),
    runner: { ...runner, request: openRunner().request },
  })
  let ended = 0
  const port = await listen(createServer((incoming) => void incoming.socket.once('close', () => ended++)))
  const probe = { ...targetCheck({ id: 'x', url: `http://127.0.0.1:${port}/` }), timeoutMs: 100 }
  const outage = await observe(probe, checking)
  expect(outage).toMatchObject({ verdict: 'CRITICAL', detail: 'no answer within 0.1 s', silent: true })
  expect(outage.ms).toBeUndefined()
  expect((await observe({ ...probe, silence: 'UNKNOWN' }, checking)).verdict).toBe('UNKNOWN')
  await expect.poll(() => ended).toBe(2)
  expect(webTimeoutMs).toBe(10_000)
})

test('a probe that throws is UNKNOWN; a stopped run rejects', async () => {
  const { config, runner } = await world()
  const probe: Check<QuickContext> = {
    ...{ id: 'x', title: 'x', tags: [], needs: 'nothing', timeoutMs: 1000 },
    run: () => Promise.reject(new Error('broken')),
  }
  expect(await observe(probe, createQuickContext({ ...toSite(config), runner }))).toMatchObject({
    verdict: 'UNKNOWN',
    detail: 'broken',
  })
  const stop = new AbortController()
  const looking = observe(
    { ...probe, run: () => new Promise(() => {}) },
    createQuickContext({ ...toSite(config), runner }, { signal: stop.signal }),
  )
  stop.abort(new Error('stopped by a second signal'))
  await expect(looking).rejects.toThrow('stopped by a second signal')
})

test('--only accepts ids and suggests the nearest one', async () => {
  const chosen = await listProbes({ quick: true, only: ['dns', 'api'] })
  expect(chosen.map(({ id }) => id)).toEqual(['api', 'dns'])
  const wrong = listProbes({ quick: true, only: ['statik'] })
  await expect(wrong).rejects.toThrow('--only statik is not a check in this run; did you mean static?')
  // Needs a login, so it is not part of a quick run.
  await expect(listProbes({ quick: true, only: ['queue'] })).rejects.toThrow(
    '--only queue needs a login, but --quick uses none',
  )
})

test('only a limited number of additional targets is checked at a time', async () => {
  const { config } = await world()
  let [now, most] = [0, 0]
  const port = await listen(
    createServer((_, outgoing) => {
      most = Math.max(most, ++now)
      setTimeout(() => {
        now--
        outgoing.end()
      }, 20)
    }),
  )
  const targets = Array.from({ length: 200 }, (_, at) => ({
    id: `t${at}`,
    url: `http://127.0.0.1:${port}/${at}`,
  }))
  const only = targets.map(({ id }) => id)
  const seen = await runProbes(
    { ...toSite(config), runner: openRunner() },
    { quick: true, targets, only, signal },
  )
  expect([seen.verdict, seen.observations.length]).toEqual(['OK', 200])
  expect(most).toBeGreaterThan(targetsAtOnce / 2)
  expect(most).toBeLessThanOrEqual(targetsAtOnce)
})
