import { createServer } from 'node:http'
import { createServer as createHttps } from 'node:https'
import { expect, test } from 'vitest'
import type { CheckContext, Observation } from '../../../lib/checks/check.ts'
import { asVps, compare } from '../../../lib/checks/fromVps.ts'
import { listProbes, type ProbeRun, runProbes } from '../../../lib/checks/health.ts'
import { createQuickContext, observe } from '../../../lib/checks/run.ts'
import type { Remote } from '../../../lib/shell/remote.ts'
import { startProcess } from '../../../lib/shell/spawn.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { createCertificate } from '../../support/certificate.ts'
import { loadTestConfig, openRunner, temporaryFolder, toSite } from '../../support/helpers.ts'
import { listen } from '../../support/servers.ts'

const { signal } = new AbortController()
const env = { PATH: process.env.PATH }

/** A VPS that is this machine: its lines run in a real shell. */
async function here(...lines: string[]) {
  let execs = 0
  const remote = {
    exec(line, { stdin, timeoutMs }) {
      execs++
      const given = stdin === undefined ? {} : { stdin }
      return startProcess(['sh', '-c', line], { ...given, env, timeoutMs, signal })
    },
    close() {},
  } as Remote
  const context = {
    ...toSite(await loadTestConfig(...lines)),
    runner: openRunner({ openHost: async () => remote }),
  }
  return { context, execs: () => execs }
}

test('simultaneous requests share one command, and each gets its own answer', async () => {
  const folder = temporaryFolder()
  const certificate = createCertificate(folder, ['localhost'])
  const secure = await listen(
    createHttps(certificate, (incoming, outgoing) =>
      outgoing.end(`${incoming.method} ${incoming.headers.host} ä`),
    ),
  )
  const plain = await listen(
    createServer((incoming, outgoing) => {
      if (incoming.url === '/hang') return
      outgoing.writeHead(301, { location: `/there?from=${incoming.url}`, 'X-Case': 'kept' }).end('moved')
    }),
  )
  const { context, execs } = await here(`CA_FILE=${folder}/cert.pem`)
  const { request } = asVps(context).runner
  const ask = (url: string, more: object = {}) =>
    request({ method: 'GET', url, effect: 'read', timeoutMs: 5000, ...more })
  const [page, moved, ...failed] = await Promise.allSettled([
    ask(`https://localhost:${secure}/`),
    ask(`http://127.0.0.1:${plain}/a?b=c`, { method: 'HEAD' }),
    ask(`https://127.0.0.1:${secure}/`),
    ask('http://127.0.0.1:1/'),
    ask(`http://127.0.0.1:${plain}/hang`, { timeoutMs: 300 }),
    ask('http://no-such-name.invalid/'),
    ask(`https://127.0.0.1:${plain}/`),
  ])
  expect(execs()).toBe(1)
  expect(page).toMatchObject({ value: { status: 200, body: `GET localhost:${secure} ä` } })
  const { phases, certificate: shown } = (page as PromiseFulfilledResult<Awaited<ReturnType<typeof ask>>>)
    .value
  expect(Object.keys(phases)).toEqual(['dns', 'connect', 'tls', 'firstByte', 'total'])
  expect(shown).toMatchObject({ subjectaltname: 'DNS:localhost', valid_to: expect.stringContaining('GMT') })
  expect(moved).toMatchObject({
    value: { status: 301, body: '', headers: { location: '/there?from=/a?b=c', 'x-case': 'kept' } },
  })
  const codes = failed.map((each) => (each as PromiseRejectedResult).reason.code)
  expect(codes.slice(0, 3)).toEqual(['CERT_UNTRUSTED', 'ECONNREFUSED', 'ETIMEDOUT'])
  expect(codes[3]).toMatch(/^(ENOTFOUND|EAI_AGAIN)$/)
  expect(codes[4]).toBe('ERR_SSL')
})

test('a VPS that cannot be reached is UNKNOWN, never an outage', async () => {
  const config = await loadTestConfig('DOMAIN=site.test', 'HEALTH_NEUTRAL_TARGETS=127.0.0.1:1,localhost:1')
  const openHost = () => Promise.reject(unknownError('192.0.2.1 cannot be reached', 'ETIMEDOUT'))
  const runner = openRunner({ openHost })
  const seen = await runProbes({ ...toSite(config), runner }, { quick: true, from: 'vps', signal })
  expect(seen.verdict).toBe('UNKNOWN')
  expect(seen.observations.length).toBeGreaterThan(8)
  expect([...new Set(seen.observations.map(({ verdict }) => verdict))]).toEqual(['UNKNOWN'])
})

test('an ssh connection that hangs is not an outage either', async () => {
  const opening = Promise.withResolvers<Remote>()
  const context = {
    ...toSite(await loadTestConfig()),
    runner: openRunner({ openHost: () => opening.promise }),
  }
  const [probe] = await listProbes({ quick: true, only: ['api'], from: 'vps' })
  const seen = await observe(
    { ...probe!, timeoutMs: 100 },
    createQuickContext(asVps(context)) as CheckContext,
  )
  expect(seen).toMatchObject({ verdict: 'UNKNOWN', detail: 'no answer within 0.1 s', silent: true })
  // The VPS's own timeout expires first.
  expect(probe!.timeoutMs).toBeGreaterThan(40_000)
  opening.reject(new Error('the test is over'))
})

test('a VPS without Python says what to do', async () => {
  const runner = openRunner({
    openHost: async () =>
      ({
        exec: async () => ({ code: 127, stdout: '', stderr: 'sh: 1: python3: not found', timedOut: false }),
        close() {},
      }) as never as Remote,
  })
  const { request } = asVps({ ...toSite(await loadTestConfig()), runner }).runner
  const asked = request({ method: 'GET', url: 'http://127.0.0.1:1/', effect: 'read', timeoutMs: 100 })
  await expect(asked).rejects.toMatchObject({
    failure: { exitCode: 3, next: expect.stringContaining('setup-server') },
  })
})

const one = (
  from: 'here' | 'vps',
  verdict: Observation['verdict'],
  silent = false,
  host?: string,
): ProbeRun => {
  const observation: Observation = {
    probe: { id: 'shop', title: 'shop', tags: [], needs: 'nothing', ...(host ? { host: () => host } : {}) },
    verdict,
    detail: 'time-out',
    took: 1,
    ...(silent ? { silent } : {}),
  }
  return { at: 0, from, verdict, observations: [observation], ownNetwork: 'up' }
}
test.each([
  ['both get it', ['OK', false], ['OK', false], undefined],
  ['neither gets it: an outage', ['CRITICAL', true], ['CRITICAL', true], undefined],
  ['only this machine gets none', ['CRITICAL', true], ['OK', false], 'here'],
  ['only the VPS gets none', ['WARNING', false], ['CRITICAL', true], 'vps'],
  ['both hear that it is wrong', ['CRITICAL', false], ['OK', false], undefined],
  ['an answer, though a bad one, is one', ['CRITICAL', true], ['CRITICAL', false], 'here'],
  ['the VPS could not be asked', ['CRITICAL', true], ['UNKNOWN', true], undefined],
  ['this machine does not know', ['UNKNOWN', true], ['OK', false], 'here'],
] as const)('%s', async (_, [here, silentHere], [vps, silentThere], fails) => {
  const elsewhere = 'shop.example'
  const [found] = compare(
    await loadTestConfig('DOMAIN=site.test'),
    one('here', here, silentHere, elsewhere),
    one('vps', vps, silentThere, elsewhere),
  )
  expect(found?.fails).toBe(fails)
  if (found)
    expect([found.verdict, found.detail]).toEqual(['WARNING', expect.stringContaining('not an outage')])
})

test.each([
  ['site.test', 'CRITICAL'],
  ['www.site.test', 'CRITICAL'],
  ['192.0.2.7', 'CRITICAL'],
  [undefined, 'CRITICAL'],
  ['site-backend.westeurope.azurecontainer.io', 'WARNING'],
])('the VPS cannot vouch for its own ports: %s is %s', async (host, verdict) => {
  const config = await loadTestConfig('DOMAIN=site.test', 'IONOS_HOST=192.0.2.7')
  const found = compare(config, one('here', 'CRITICAL', true, host), one('vps', 'OK', false, host))
  expect(found).toMatchObject([{ fails: 'here', verdict }])
  if (verdict === 'CRITICAL')
    expect(found[0]!.detail).toBe(
      'time-out; it answers the VPS itself, so suspect a firewall or the network in between',
    )
})

test('an HTTP probe names the host it requests', async () => {
  const config = await loadTestConfig('DOMAIN=site.test')
  const targets = [{ id: 'shop', url: 'https://shop.example:8443/a' }]
  const probes = await listProbes({ quick: true, targets })
  expect(probes.flatMap(({ id, host }) => (['api', 'shop'].includes(id) ? host?.(config) : []))).toEqual([
    ...['site.test', 'shop.example'],
  ])
})
