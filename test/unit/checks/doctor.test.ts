import { expect, test } from 'vitest'
import { judgeCores } from '../../../lib/azure/containers/cores.ts'
import type { ContainerGroup } from '../../../lib/azure/resources/containerGroups.ts'
import { redisState } from '../../../lib/checks/azure/redis.ts'
import {
  type CheckContext,
  categories,
  chosenCategories,
  type Selection,
  select,
} from '../../../lib/checks/check.ts'
import { databaseTransport } from '../../../lib/checks/database/connection.ts'
import { getCategory } from '../../../lib/checks/doctor.ts'
import { checks } from '../../../lib/checks/list.ts'
import { judgeEndOfLife, retirement } from '../../../lib/checks/retirement.ts'
import { judgeForLogins } from '../../../lib/checks/site/clock.ts'
import { ports } from '../../../lib/checks/site/ports.ts'
import { backendPort } from '../../../lib/checks/vps/server.ts'
import { type Config, noteEnvironment } from '../../../lib/config/config.ts'
import { exitCode, OpsError } from '../../../lib/util/errors.ts'
import { getVerdictCode, judgedFailure, worstVerdict } from '../../../lib/util/verdict.ts'
import { backendHost, loadTestConfig, testHost, withBackendHost } from '../../support/helpers.ts'

const config = { backend: { cpu: 2 }, worker: { cpu: 1, count: 2 } } as Config
const group = (cpu: number) => ({ containers: [{ resources: { requests: { cpu } } }] }) as ContainerGroup
const cores = (currentValue: number, limit: number) => ({
  name: { value: 'StandardCores' },
  currentValue,
  limit,
})

test.each([
  ['what others use is not ours', 6, 10, 'OK'],
  ['too few for a release next to the old one', 7, 10, 'WARNING'],
  ['too few at all', 9, 10, 'CRITICAL'],
] as const)('cores: %s', (_, used, limit, verdict) => {
  expect(judgeCores(config, cores(used, limit), [group(2)]).verdict).toBe(verdict)
})

test.each([
  ['both are right', [-400, 900], 'OK', 'this machine is right, the VPS is right'],
  ['one is half a minute behind', [900, -31_000], 'WARNING', 'this machine is right, the VPS is 31 s behind'],
  ['one is too far ahead', [301_000, 0], 'CRITICAL', 'this machine is 301 s ahead, the VPS is right'],
  ['one could not be asked', [0], 'UNKNOWN', 'this machine is right; the other clock could not be read'],
  [
    'the one that could is far off',
    [-400_000],
    'CRITICAL',
    'this machine is 400 s behind; the other clock could',
  ],
] as const)('clocks: %s', (_, ms, verdict, words) => {
  const known = ms.map((each, index) => ({ name: index === 0 ? 'this machine' : 'the VPS', ms: each }))
  const judged = judgeForLogins(known)
  expect(judged.verdict).toBe(verdict)
  expect(judged.detail).toContain(words)
})

/** A context whose VPS gets this answer from the backend, and whose own requests all end with this error. */
const bench = (heard: object, error: object, config = {}) =>
  ({
    context: {
      config: {
        ...{ domain: 'a.app', ionos: { webRoot: '/var/www/a.app' } },
        ...config,
      },
      server: testHost,
      runner: {
        run: async () => ({ code: 1, stdout: '', stderr: '', ...heard }),
        request: () => Promise.reject(Object.assign(new Error('no answer'), error)),
      },
    },
  }) as unknown as CheckContext

test.each([
  [{ code: 0, stdout: '{}' }, 'OK', `${backendHost} answers`],
  [
    { stderr: 'x\nurllib.error.HTTPError: HTTP Error 503: NO\n' },
    'WARNING',
    'answers, but is not healthy: urllib',
  ],
  [
    { stderr: 'x\nurllib.error.URLError: <timed out>\n' },
    'CRITICAL',
    'azurecontainer.io: urllib.error.URLError',
  ],
])('the port of the backend when the VPS gets %j: %s', async (heard, verdict, words) => {
  const judged = await backendPort.run(bench(heard, {}, withBackendHost(await loadTestConfig())))
  expect(judged.verdict).toBe(verdict)
  expect(judged.detail).toContain(words)
})

test('the port of the backend before there is one', async () => {
  const checking = { ...bench({}, {}, await loadTestConfig()), azure: { groups: async () => [] } }
  expect(await backendPort.run(checking as unknown as CheckContext)).toMatchObject({ verdict: 'UNKNOWN' })
})

test('ports of the site: refused is closed, failing TLS is open, a silent or refusing name server proves nothing', async () => {
  const look = (error: object) => ports.run(bench({}, error))
  const closed = '80 refuses connections; 443 refuses connections'
  expect(await look({ code: 'ECONNREFUSED', syscall: 'connect' })).toMatchObject({ detail: closed })
  for (const code of [
    'CERT_HAS_EXPIRED',
    'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    'ECONNRESET',
    'HPE_INVALID_CONSTANT',
  ])
    expect(await look({ code })).toMatchObject({ verdict: 'OK' })
  await expect(look({ code: 'ECONNREFUSED', syscall: 'queryA' })).rejects.toThrow('80: no answer')
  await expect(look({ code: 'ETIMEDOUT' })).rejects.toThrow('80: no answer')
})

test.each([
  [
    'an expired certificate is CRITICAL, as in health',
    'CERT_HAS_EXPIRED',
    'CRITICAL',
    /^one is served, but none/,
  ],
  ['another refused certificate is not known', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNKNOWN', /no answer$/],
])('served-certificate: %s', async (_, code, verdict, detail) => {
  const check = select(checks, 'doctor').find(({ id }) => id === 'served-certificate')!
  const state = { code: 0, stdout: 'server-state\t1\nend\tserver-state\n' }
  const judged = await check.run(bench(state, { code }))
  expect(judged.verdict).toBe(verdict)
  expect(judged.detail).toMatch(detail)
})

test.each([
  ['2026-01-01', 'OK'],
  ['2028-06-01', 'WARNING'],
  ['2028-09-30', 'CRITICAL'],
])('support that ends on 2028-09-30 is, on %s, %s', (on, verdict) => {
  expect(judgeEndOfLife('It', new Date(on), '2028-09-30').verdict).toBe(verdict)
})
test.each([
  ['2026-01-01', 'OK', /ends on 2026-12-11/],
  ['2026-11-26', 'WARNING', /ends on 2026-12-11, in 15 days/],
  ['2027-01-01', 'WARNING', /ended on 2026-12-11; Azure bills extended support/],
])('PostgreSQL 14 on %s: %s, because Azure goes on with paid support', async (on, verdict, detail) => {
  const check = retirement.find(({ id }) => id === 'postgres-retirement')
  const context = { config: await loadTestConfig('POSTGRES_VERSION=14') }
  const result = await check?.run({ context, now: new Date(on) } as CheckContext)
  expect(result).toMatchObject({ verdict, detail: expect.stringMatching(detail) })
})

test('an unknown end of support is UNKNOWN', () => {
  expect(judgeEndOfLife('Node 99', new Date()).verdict).toBe('UNKNOWN')
})

/** A context whose Azure reports this PostgreSQL server and this Redis. */
const tier = async (database: object | undefined, redis: object | undefined) => {
  noteEnvironment('prod')
  return {
    context: { config: await loadTestConfig() },
    azure: { account: async () => ({ id: 'sub' }), dataTier: async () => ({ database, redis }) },
  } as unknown as CheckContext
}
const well = { provisioningState: 'Succeeded', resourceState: 'Running' }
const managed = (properties: object, below?: object) => ({
  properties,
  ...(below ? { database: { properties: below } } : {}),
})

test.each([
  ['not there yet', undefined, 'OK', /does not exist yet/, undefined],
  [
    'as it should be',
    managed(well, { ...well, clusteringPolicy: 'NoCluster' }),
    'OK',
    /Succeeded.*NoCluster/,
    undefined,
  ],
  [
    'without a database',
    managed(well),
    'WARNING',
    /has no database yet/,
    /^npx dominion provision --env prod$/,
  ],
  [
    'failed and empty',
    managed({ provisioningState: 'Failed', resourceState: 'CreateFailed' }),
    'CRITICAL',
    /Failed \(CreateFailed\)/,
    /^npx dominion provision --env prod {3}/,
  ],
  [
    'with another policy',
    managed(well, { ...well, clusteringPolicy: 'EnterpriseCluster' }),
    'CRITICAL',
    /EnterpriseCluster.*CROSSSLOT/,
    /az resource delete --ids \S+ .*npx dominion deploy-complete --env prod/,
  ],
] as const)('the state of a Redis that is %s', async (_, redis, verdict, detail, next) => {
  const judged = await redisState.run(await tier(undefined, redis))
  expect(judged.verdict).toBe(verdict)
  expect(judged.detail).toMatch(detail)
  if (next) expect(judged.next).toMatch(next)
})

const ready = { name: 'db', properties: { state: 'Ready' } }

test.each([
  [undefined, 'OK'],
  [{ ...ready, secureTransport: 'on' }, 'OK'],
  [{ ...ready, secureTransport: 'OFF' }, 'CRITICAL'],
  [ready, 'UNKNOWN'],
] as const)('require_secure_transport of %j is %s', async (database, verdict) => {
  expect((await databaseTransport.run(await tier(database, undefined))).verdict).toBe(verdict)
})

test('a PostgreSQL server that Azure has disabled is CRITICAL, whatever its parameters', async () => {
  const disabled = { ...ready, secureTransport: 'on', properties: { state: 'Disabled' } }
  const { verdict, detail, next } = await databaseTransport.run(await tier(disabled, undefined))
  expect([verdict, detail]).toEqual(['CRITICAL', expect.stringContaining('is in the state Disabled: ')])
  expect(next).toContain('Resolve this in the Azure portal')
})

test.each<Selection>(['health', 'doctor', 'verify', 'acceptance', 'check-database'])(
  'every check of %s has its own id',
  (selection) => {
    const ids = select(checks, selection).map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
  },
)

test('every check of doctor has a known category, and every category has a check', () => {
  const ofDoctor = select(checks, 'doctor')
  expect(ofDoctor.every(({ tags }) => categories.some((category) => tags.includes(category)))).toBe(true)
  expect([...new Set(ofDoctor.map(getCategory))].sort()).toEqual([...categories].sort())
})

test('--only: several values, spaces, and the nearest valid one', () => {
  expect(chosenCategories('dns, vps')).toEqual(['dns', 'vps'])
  expect(chosenCategories(undefined)).toEqual(categories)
  expect(() => chosenCategories('toolz')).toThrow(/did you mean tools\?/)
})

test('silence is unknown, a refusal is critical, and what is known to be wrong outweighs what is not known', () => {
  const silent = judgedFailure(new OpsError({ what: 'no answer', exitCode: exitCode.unknown }))
  const refused = judgedFailure(new OpsError({ what: 'refused', said: 'its words\nmore', next: 'do this' }))
  expect(silent.verdict).toBe('UNKNOWN')
  expect(refused).toEqual({ verdict: 'CRITICAL', detail: 'refused: its words', next: 'do this' })
  expect(judgedFailure(new Error('odd')).verdict).toBe('UNKNOWN')
  expect(worstVerdict([silent, refused])).toBe('CRITICAL')
  const code = (...verdicts: ('OK' | 'WARNING' | 'UNKNOWN')[]) =>
    getVerdictCode(worstVerdict(verdicts.map((verdict) => ({ verdict }))))
  expect([code('OK'), code('OK', 'UNKNOWN'), code('WARNING', 'UNKNOWN')]).toEqual([0, 3, 1])
})
