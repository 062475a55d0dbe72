import { expect, test } from 'vitest'
import type { ContainerGroup } from '../../../lib/azure/resources/containerGroups.ts'
import { type ContainerFacts, judgeContainers } from '../../../lib/checks/azure/containers.ts'
import { countListening, judgeQueue } from '../../../lib/checks/azure/queue.ts'
import { judgePing } from '../../../lib/checks/azure/redis.ts'
import { unanswered } from '../../../lib/checks/connectionErrors.ts'
import { judgeDatabase, judgeNoDatabase } from '../../../lib/checks/database/connection.ts'
import { findAreaFault, findHealthFault } from '../../../lib/checks/site/api.ts'
import { judgeServed } from '../../../lib/checks/site/certificate.ts'
import { judgeServers } from '../../../lib/checks/site/clock.ts'
import { judgeResponse } from '../../../lib/checks/site/http.ts'
import { findPageFault } from '../../../lib/checks/site/pages.ts'
import { findRedirectFault } from '../../../lib/checks/site/redirects.ts'
import { judgeNotServed, judgeStored } from '../../../lib/checks/vps/certificate.ts'
import { judgeDisks, readDisks } from '../../../lib/checks/vps/disk.ts'
import type { Config } from '../../../lib/config/config.ts'
import type { HttpResponse } from '../../../lib/net/http.ts'
import { exitCode, OpsError, unknownError } from '../../../lib/util/errors.ts'
import { renderMaintenance } from '../../../lib/vps/maintenance/page.ts'
import { loadTestConfig } from '../../support/helpers.ts'

const answer = (status: number, body = '', total = 10, headers = {}): HttpResponse => ({
  status,
  body,
  headers,
  phases: { total },
})
const json = (value: unknown) => JSON.stringify(value)
const html = '<!doctype html><html><head><title>502 Bad Gateway</title></head></html>'

test.each([
  [200, 499.9, undefined, 'OK', '200 in 500 ms'],
  [200, 500, undefined, 'WARNING', '200 in 500 ms, limit 500 ms'],
  [200, 600, undefined, 'WARNING', '200 in 600 ms, limit 500 ms'],
  [200, 2000, undefined, 'CRITICAL', '200 in 2000 ms, limit 2000 ms'],
  [503, 10, 'api answers 503', 'CRITICAL', 'api answers 503'],
] as const)('%i in %f ms, fault %s: %s', (status, ms, fault, verdict, detail) => {
  const limits = { warning: 500, critical: 2000 }
  const reading = judgeResponse({ id: 'api', fault }, answer(status, '', ms), limits)
  expect(reading).toMatchObject({ verdict, detail, ms })
  expect(reading.figures).toEqual([{ name: 'api', value: ms, unit: 'ms', limits }])
})

const announced = { since: '', by: 'ann@desk', message: 'Soon.' }
const ours = renderMaintenance({ domain: 'shop.test' } as Config, announced)
test.each([
  ['our page', 503, ours['index.html']!, true],
  ['our API', 503, ours['api.json']!, true],
  ["a stranger's page", 503, '<html><title>Shop is being updated</title></html>', undefined],
  ["a stranger's API", 503, json({ maintenance: true }), undefined],
  ['the backend', 503, json({ error: 'database' }), undefined],
  ['a page that is there', 500, ours['index.html']!, undefined],
])('maintenance announced by %s', (_, status, body, said) => {
  const limits = { warning: 1, critical: 2 }
  const question = { id: 'x', hiddenByMaintenance: true, fault: 'wrong' }
  const answered = answer(status, body, 1, { 'retry-after': '300' })
  expect(judgeResponse(question, answered, limits).maintenance).toBe(said)
  // An extra target under maintenance is not the site, even when the maintenance is ours.
  expect(
    judgeResponse({ ...question, hiddenByMaintenance: false }, answered, limits).maintenance,
  ).toBeUndefined()
})

const area = { id: 'api-agents', path: '/api/agents', field: 'agents' }
test.each([
  [findPageFault('https://a.test/', answer(200, '<HTML lang=en>')), undefined],
  [findPageFault('https://a.test/', answer(502, html)), 'https://a.test/ answers 502'],
  [findPageFault('https://a.test/', answer(200, 'hello')), 'https://a.test/ is not a page'],
  [findRedirectFault('a', 'b', answer(301, '', 1, { location: 'b' })), undefined],
  [findRedirectFault('a', 'b', answer(302, '', 1, { location: 'b' })), 'a answers 302'],
  [findRedirectFault('a', 'b', answer(308, '', 1, { location: 'c' })), 'a leads to c, not to b'],
  [findAreaFault(area, answer(200, json({ agents: [] }))), undefined],
  [findAreaFault(area, answer(200, json({ agents: [] })), true), '/api/agents has no agents'],
  [findAreaFault(area, answer(200, json({ other: 1 }))), '/api/agents has no agents'],
  [findAreaFault(area, answer(200, html)), '/api/agents has no agents'],
  [findAreaFault(area, answer(200, 'null')), '/api/agents has no agents'],
  [findAreaFault(area, answer(502, html)), '/api/agents answers 502: 502 Bad Gateway'],
  [findAreaFault(area, answer(500, 'line one\nline two')), '/api/agents answers 500: line one line two'],
  [
    findHealthFault(
      '/health',
      answer(503, json({ checks: { database: { ok: false, error: 'refused' }, redis: { ok: true } } })),
    ),
    '/health answers 503: database: refused',
  ],
])('the fault is %s', (found, wanted) => {
  expect(found).toBe(wanted)
})

const failure = (code: string, more: object = {}) =>
  Object.assign(new Error(`words of ${code}`), { code, ...more })
test.each([
  ['refused', failure('ECONNREFUSED', { syscall: 'connect' }), 'UNKNOWN', 'CRITICAL', true],
  ['unreachable', failure('EHOSTUNREACH', { syscall: 'connect' }), 'CRITICAL', 'CRITICAL', true],
  [
    'unreachable behind a firewall',
    failure('EHOSTUNREACH', { syscall: 'connect' }),
    'UNKNOWN',
    'UNKNOWN',
    true,
  ],
  ['a wrong certificate', failure('CERT_HAS_EXPIRED'), 'UNKNOWN', 'CRITICAL', undefined],
  ['a name that is not there', failure('ENOTFOUND', { syscall: 'queryA' }), 'UNKNOWN', 'CRITICAL', true],
  ['a name server that refuses', failure('ECONNREFUSED', { syscall: 'queryA' }), 'CRITICAL', 'UNKNOWN', true],
  ['a name server that is silent', failure('EAI_AGAIN'), 'CRITICAL', 'UNKNOWN', true],
  ['no way to ask', unknownError('the VPS cannot be reached'), 'CRITICAL', 'UNKNOWN', true],
  [
    'several addresses',
    new AggregateError([failure('ECONNREFUSED', { syscall: 'connect' })]),
    'UNKNOWN',
    'CRITICAL',
    true,
  ],
] as const)('no answer: %s', (_, thrown, silence, verdict, silent) => {
  const found = unanswered('https://a.test/', thrown, silence)
  expect([found.verdict, found.silent]).toEqual([verdict, silent])
})

const day = 86_400_000
const now = Date.parse('2026-11-23T00:00:00Z')
const certificate = (leftDays: number, ofDays: number) => ({
  subjectaltname: 'DNS:a.test, DNS:www.a.test',
  valid_from: new Date(now - (ofDays - leftDays) * day).toUTCString(),
  valid_to: new Date(now + leftDays * day).toUTCString(),
})
const share = { warning: 25, critical: 12.5 }
test.each([
  [90, 90, 'OK', 100],
  [22.5, 90, 'OK', 25],
  [22, 90, 'WARNING', 24.4],
  [11.25, 90, 'WARNING', 12.5],
  [11, 90, 'CRITICAL', 12.2],
  [11, 45, 'WARNING', 24.4],
  [-1, 90, 'CRITICAL', 0],
] as const)('a certificate with %f of %i days left is %s', (left, of, verdict, percent) => {
  const reading = judgeServed(certificate(left, of), ['a.test', 'www.a.test'], share, now)
  expect([reading.verdict, reading.figures?.[0]?.value]).toEqual([verdict, percent])
})

test('a certificate must exist and cover both names', () => {
  expect(judgeServed(undefined, ['a.test'], share, now).detail).toBe('no certificate was presented')
  const wrong = judgeServed(certificate(90, 90), ['a.test', 'ww.a.test'], share, now)
  expect([wrong.verdict, wrong.detail]).toEqual([
    'CRITICAL',
    'it is not valid for ww.a.test (DNS:a.test, DNS:www.a.test)',
  ])
})

test('the served certificate is the stored one, by its serial number', () => {
  expect(judgeStored('0aF3', '0AF3').verdict).toBe('OK')
  const old = judgeStored('01', '02')
  expect([old.verdict, old.next]).toEqual(['CRITICAL', 'On the VPS: systemctl reload nginx'])
  expect(judgeStored('01', undefined).verdict).toBe('CRITICAL')
  const expired = failure('CERT_HAS_EXPIRED')
  const good = judgeNotServed('https://a.test/', expired, { notAfter: new Date(now + day) }, now)
  expect([good.verdict, good.next]).toEqual(['CRITICAL', 'On the VPS: systemctl reload nginx'])
  const both = judgeNotServed('https://a.test/', expired, { notAfter: new Date(now - day) }, now)
  expect([both.verdict, both.next]).toEqual(['CRITICAL', 'npx dominion issue-certificate'])
  expect(judgeNotServed('https://a.test/', failure('ECONNREFUSED'), undefined, now).verdict).toBe('UNKNOWN')
})

const seconds = { warning: 5, critical: 60 }
test.each([
  ['all agree', [400, -600], 'OK', 'right'],
  ['this machine is behind', [120_000, 121_000], 'CRITICAL', 'this machine is 120 s behind'],
  ['this machine is ahead', [-20_000, -20_400], 'WARNING', 'this machine is 20 s ahead'],
  ['one server is ahead', [90_000, 100], 'CRITICAL', 'the VPS is 90 s ahead'],
  [
    'both wrong, each in its way',
    [90_000, -30_000],
    'CRITICAL',
    'the VPS is 90 s ahead, the backend is 30 s behind',
  ],
  ['one server, and off', [10_000], 'WARNING', 'the VPS is 10 s ahead, or this machine is wrong'],
  ['nobody', [], 'UNKNOWN', 'no server reported its time'],
])('clocks: %s', (_, offsets, verdict, detail) => {
  const names = ['the VPS', 'the backend']
  const others = offsets.map((ms, at) => ({ name: names[at]!, ms }))
  expect(judgeServers(others, seconds)).toMatchObject({ verdict, detail })
})

const ago = (minutes: number) => new Date(now - minutes * 60_000).toISOString()
const event = (name: string, first: number, last: number, count = 1) => ({
  name,
  count,
  firstTimestamp: ago(first),
  lastTimestamp: ago(last),
})
const group = (
  name: string,
  view: NonNullable<ContainerGroup['containers'][number]['instanceView']>,
): ContainerFacts => ({
  name,
  group: { name, containers: [{ name, image: 'i', instanceView: view }] },
})
const running = (minutes: number) => ({ state: 'Running', startTime: ago(minutes) })
test.each<[string, ContainerFacts, string, string, number]>([
  ['never restarted', group('b', { currentState: running(10), restartCount: 0 }), 'OK', 'b Running', 0],
  [
    'restarted yesterday',
    group('b', { currentState: running(1500), restartCount: 4, events: [event('Started', 3000, 1500, 5)] }),
    'OK',
    'b Running',
    0,
  ],
  [
    'once within the hour, of five in all',
    group('b', {
      currentState: running(30),
      restartCount: 5,
      events: [event('Started', 3000, 90, 5), event('Started', 30, 30)],
    }),
    'WARNING',
    'b Running, 1 restart within the last hour',
    1,
  ],
  [
    'three times, the first start within the hour',
    group('b', { currentState: running(5), restartCount: 3, events: [event('Started', 40, 5, 4)] }),
    'CRITICAL',
    'b Running, 3 restarts within the last hour',
    3,
  ],
  [
    'restarted, and ARM keeps no events',
    group('b', { currentState: running(5), restartCount: 2, events: null }),
    'WARNING',
    'b Running, 1 restart within the last hour',
    1,
  ],
  [
    'once just now, with three in its whole life',
    group('b', { currentState: running(0.3), restartCount: 3, events: [event('Started', 0.3, 0.3)] }),
    'WARNING',
    'b Running, 1 restart within the last hour',
    1,
  ],
  [
    'ended',
    group('b', {
      currentState: { state: 'Terminated', exitCode: 137, detailStatus: 'Error' },
      restartCount: 1,
    }),
    'CRITICAL',
    'b is Terminated (Error, exit 137, 1 restart)',
    0,
  ],
  ['absent', { name: 'b', group: 'absent' }, 'CRITICAL', 'b does not exist', 0],
  ['silent', { name: 'b', group: 'silent' }, 'UNKNOWN', 'the state of b cannot be read', 0],
])('a container that was %s', (_, facts, verdict, detail, restarts) => {
  const well = group('worker', { currentState: running(900), restartCount: 0 })
  const reading = judgeContainers([facts, well], { warning: 1, critical: 3 }, now)
  expect(reading.verdict).toBe(verdict)
  expect(reading.detail).toBe(verdict === 'OK' ? `${detail}; worker Running` : detail)
  expect(reading.figures?.[0]?.value).toBe(restarts)
})

const df = (...rows: string[]) => ['Mounted on           Used      Avail  IUsed   IFree', ...rows].join('\n')
const percent = { warning: 80, critical: 90 }
test.each([
  [df('/  50 50 10 90', '/  50 50 10 90'), 'OK', '/ 50 % used, 0.0 GB left', [50, 10]],
  [df('/  79 21 1 9'), 'OK', '/ 79 % used, 0.0 GB left', [79, 10]],
  [df('/  50 50 85 15'), 'WARNING', '/ 85 % of the inodes used', [50, 85]],
  [
    df('/  10 90 1 9', '/var/www disk  95 5 91 9'),
    'CRITICAL',
    '/var/www disk 95 % used, 0.0 GB left, 91 % of the inodes used',
    [95, 91],
  ],
  [df('/  100 0 - -'), 'CRITICAL', '/ 100 % used, 0.0 GB left', [100, 0]],
])('a disk: %s', (text, verdict, detail, figures) => {
  const reading = judgeDisks(readDisks(text), percent)
  expect([reading.verdict, reading.detail]).toEqual([verdict, detail])
  expect(reading.figures?.map(({ value }) => value)).toEqual(figures)
})

test('an empty df is not a full disk', () => {
  expect(() => readDisks('', 'df: /: Input/output error')).toThrow('does not report how full')
})

test.each([
  [{ jobs: 0, oldestSeconds: undefined, workers: 2 }, 'OK', '2 of 2 workers listening, no jobs waiting'],
  [
    { jobs: 1, oldestSeconds: 3, workers: 2 },
    'OK',
    '2 of 2 workers listening, 1 job waiting, the oldest for 3 s',
  ],
  [
    { jobs: 100, oldestSeconds: 3, workers: 2 },
    'WARNING',
    '2 of 2 workers listening, 100 jobs waiting, the oldest for 3 s',
  ],
  [
    { jobs: 2, oldestSeconds: 1800, workers: 2 },
    'CRITICAL',
    '2 of 2 workers listening, 2 jobs waiting, the oldest for 1800 s',
  ],
  [{ jobs: 0, oldestSeconds: undefined, workers: 1 }, 'WARNING', '1 of 2 workers listening, no jobs waiting'],
  [{ jobs: 0, oldestSeconds: undefined, workers: 0 }, 'CRITICAL', 'no worker is listening, no jobs waiting'],
])('a queue of %j is %s', async (facts, verdict, detail) => {
  expect(judgeQueue(facts, await loadTestConfig('WORKER_COUNT=2'))).toMatchObject({ verdict, detail })
})

test('a worker with two connections counts once; one that lost its name is recognised because it waits', () => {
  const client = (addr: string, name: string, cmd: string) =>
    `id=1 addr=${addr} name=${name} flags=N cmd=${cmd}`
  const registered = ['rq:worker:aa', 'rq:worker:bb', 'rq:worker:']
  const whole = [client('10.0.0.1:1', 'aa', 'ping'), client('10.0.0.1:2', '', 'blpop')]
  const counted = (...clients: string[]) => countListening(registered, [...clients, ''].join('\n'))
  expect(counted(...whole)).toBe(1)
  expect(counted(...whole, client('10.0.0.2:1', '', 'ping'), client('10.0.0.2:2', '', 'blmove'))).toBe(2)
  // Both behind one address.
  expect(counted(...whole, client('10.0.0.1:3', 'bb', 'ping'), client('10.0.0.1:4', '', 'blpop'))).toBe(2)
  // A worker that runs a job does not wait.
  expect(counted(client('10.0.0.1:1', 'aa', 'subscribe'))).toBe(1)
  expect(counted(client('10.0.0.4:1', 'other', 'lpop'))).toBe(0)
})

test.each([
  ['PONG', 'OK'],
  [{ error: 'NOAUTH Authentication required.' }, 'CRITICAL'],
  [null, 'CRITICAL'],
])('PING answered with %j', (pong, verdict) => {
  expect(judgePing(pong, 5).verdict).toBe(verdict)
})

const facts = { version: '16.1', connections: 10, connectionsAllowed: 47, stored: 1 }
test.each([
  [10, 'OK'],
  [38, 'WARNING'],
  [45, 'CRITICAL'],
])('a database with %i of 47 connections used is %s', (connections, verdict) => {
  expect(judgeDatabase({ ...facts, connections }, { ms: 20, connect: 5 }).verdict).toBe(verdict)
})

const said = (words: string, code: number) =>
  new OpsError({ what: 'The database db cannot be reached', said: words, exitCode: code })
test.each([
  ['refused', said('connect ECONNREFUSED 10.0.0.1:5432', exitCode.unknown), 'Ready', 'CRITICAL'],
  ['full', said('sorry, too many clients already', exitCode.unknown), 'Ready', 'CRITICAL'],
  ['silent while Azure says it runs', said('timeout expired', exitCode.unknown), 'Ready', 'UNKNOWN'],
  ['silent, and Azure does not tell', said('timeout expired', exitCode.unknown), undefined, 'UNKNOWN'],
  ['silent because it is stopped', said('timeout expired', exitCode.unknown), 'Stopped', 'CRITICAL'],
  ['a password that is refused', said('28P01', exitCode.notLoggedIn), 'Ready', 'UNKNOWN'],
])('a database that is %s', async (_, thrown, state, verdict) => {
  expect((await judgeNoDatabase(thrown, await loadTestConfig(), async () => state)).verdict).toBe(verdict)
})

test('a database that refuses connections: the line that starts its server', async () => {
  const config = await loadTestConfig('AZURE_RESOURCE_GROUP=group-1', 'POSTGRES_SERVER=server-1')
  const refused = said('connect ECONNREFUSED 10.0.0.1:5432', exitCode.unknown)
  expect(await judgeNoDatabase(refused, config, async () => undefined)).toMatchObject({
    detail: expect.stringMatching(/^server-1\./),
    next: expect.stringContaining('start --resource-group group-1 --name server-1'),
  })
})
