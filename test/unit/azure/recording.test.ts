import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { az } from '../../../lib/azure/cli.ts'
import { parseAzLog } from '../../../lib/azure/recording/azLog.ts'
import type { Exchange } from '../../../lib/azure/recording/exchange.ts'
import { openRecorder } from '../../../lib/azure/recording/recorder.ts'
import { createSanitizer } from '../../../lib/azure/recording/sanitize.ts'
import { getFailure, openRunner, temporaryFolder } from '../../support/helpers.ts'

const subscription = '9d3c8a1e-0b52-4c1f-8f43-5a7d2e6b1c90'
const group = `https://management.azure.com/subscriptions/${subscription}/resourceGroups/rg`

/** The log of az 2.45 and 2.74, reduced to what matters. */
const entries = (logger: string, ...texts: string[]) =>
  texts.map((text) => `598 : 2026-11-26 07:33:30,230 : DEBUG : ${logger} : ${text}\n`).join('')
const policies = 'cli.azure.cli.core.sdk.policies'
const put = (url: string, request: object, answer: object) =>
  entries(
    policies,
    ...[
      `Request URL: '${url}'`,
      "Request method: 'PUT'",
      'Request headers:',
      "    'Accept': 'application/json'",
    ],
    ...["    'Authorization': '*****'", 'Request body:', JSON.stringify(request)],
    ...['Response status: 201', 'Response headers:', "    'Retry-After': '1'"],
    ...['Response content:', JSON.stringify(answer, null, 1)],
  )

test("az's log gives each request with its answer, from all three of az's loggers", () => {
  const log = [
    entries('cli.knack.cli', 'Command arguments: []'),
    put(`${group}?api-version=1`, { location: 'eastus' }, { name: 'rg' }),
    entries('urllib3.connectionpool', 'Starting new HTTPS connection (1): management.azure.com:443'),
    entries('msrest.http_logger', "Request URL: 'https://r.azurecr.io/v1'", "Request method: 'GET'"),
    entries('msrest.http_logger', 'Request body:', 'None', 'Response status: 404', 'Response content:', '{}'),
    entries('cli.azure.cli.core.util', `Request URL: "${group}/it's"`, "Request method: 'POST'"),
  ].join('')
  expect(parseAzLog(log.replaceAll('\n', '\r\n'))).toMatchObject([
    {
      ...{ method: 'PUT', url: `${group}?api-version=1`, request: '{"location":"eastus"}', status: 201 },
      ...{ answer: '{\n "name": "rg"\n}', answerHeaders: { 'retry-after': '1' } },
    },
    { method: 'GET', url: 'https://r.azurecr.io/v1', request: '', status: 404, answer: '{}' },
    { method: 'POST', url: `${group}/it's`, request: '', answer: '' },
  ])
})

const at = '2026-11-26T07:33:30.230Z'
const record = (
  request: unknown,
  answer: unknown,
  { method = 'PUT', url = `${group}?api-version=1`, clean = (text: string) => text } = {},
) =>
  createSanitizer(clean)(
    {
      ...{ at, method, url, requestHeaders: {}, status: 200, answerHeaders: {} },
      ...{ request: JSON.stringify(request), answer: JSON.stringify(answer) },
    },
    'provision',
    'az group show',
  )

const hex = '0123456789abcdef'.repeat(4)
const base64 = 'dGhpcyBpcyBub3QgYSBrZXkgYnV0IGl0IGxvb2tzIGxpa2Ugb25l'

test.each([
  [{ administratorLoginPassword: 'hunter2' }, { administratorLoginPassword: '***' }],
  [{ authConfig: { passwordAuth: 'Enabled' } }, { authConfig: { passwordAuth: 'Enabled' } }],
  [{ accessKeysAuthentication: 'Enabled' }, { accessKeysAuthentication: 'Enabled' }],
  [
    { environmentVariables: [{ name: 'A', secureValue: 'x' }] },
    { environmentVariables: [{ name: 'A', secureValue: '***' }] },
  ],
  [
    [
      { name: 'REDIS_PASSWORD', value: 'x' },
      { name: 'PORT', value: '1' },
    ],
    [
      { name: 'REDIS_PASSWORD', value: '***' },
      { name: 'PORT', value: '1' },
    ],
  ],
  [{ passwords: [{ name: 'password2', value: 'x' }] }, { passwords: [{ name: 'password2', value: '***' }] }],
  [{ volumes: [{ secret: { 'tls.key': 'x' } }] }, { volumes: [{ secret: { 'tls.key': '***' } }] }],
  [{ note: base64 }, { note: '***' }],
  [
    { id: '/subscriptions/x/resourceGroups/codexGroup1/providers/Microsoft' },
    { id: '/subscriptions/x/resourceGroups/codexGroup1/providers/Microsoft' },
  ],
  [
    { message: 'rediss://:pw@h:1 and AccountKey=abc;Endpoint=sb' },
    { message: 'rediss://:***@h:1 and AccountKey=***;Endpoint=sb' },
  ],
  [
    { nextLink: `${group}?api-version=1&$skiptoken=abc` },
    {
      nextLink: `${group.replace(subscription, '00000000-0000-0000-0000-000000000001')}?api-version=1&$skiptoken=***`,
    },
  ],
  [
    { startIpAddress: '8.8.4.4', endIpAddress: '8.8.4.4', none: '0.0.0.0' },
    { startIpAddress: '203.0.113.1', endIpAddress: '203.0.113.1', none: '0.0.0.0' },
  ],
  [
    { createdBy: 'Jo@Example.org', lastModifiedBy: 'jo@example.org' },
    { createdBy: 'user1@example.com', lastModifiedBy: 'user1@example.com' },
  ],
  [
    { address: '2a02:2350:5:101::1', network: '2a02:2350::/32', local: 'fe80::1' },
    { address: '2001:db8::1', network: '2001:db8::2/32', local: 'fe80::1' },
  ],
  [
    { log: 'read -----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----\nthen' },
    { log: 'read ***\nthen' },
  ],
  [
    { note: `key ${hex}`, digest: `sha256:${hex}` },
    { note: 'key ***', digest: `sha256:${hex}` },
  ],
  [{ apiKey: 'x' }, { apiKey: '***' }],
  [[{ name: 'apikey', value: 'x' }], [{ name: 'apikey', value: '***' }]],
  [
    { url: 'rediss://:ab/cd@h:1/0', page: 'see https://h:443/a@b' },
    { url: 'rediss://:***@h:1/0', page: 'see https://h:443/a@b' },
  ],
])('of %j a recording keeps what is not secret', (body, kept) => {
  expect(record(body, body)).toMatchObject({ request: kept, answer: kept })
})

test('secure parameters of a deployment, whose template az logs as a text', () => {
  const template = { parameters: { word: { type: 'secureString' }, name: { type: 'string' } } }
  const parameters = { word: { value: 'hunter2' }, name: { value: 'codex' } }
  const { request } = record({ properties: { template: JSON.stringify(template), parameters } }, {})
  const kept = { word: { value: '***' }, name: { value: 'codex' } }
  expect(request).toEqual({ properties: { template, parameters: kept } })
})

test('keys in lists of keys, logs of containers, and what is not JSON', () => {
  const list = { method: 'POST', url: `${group}/listKeys?api-version=1` }
  expect(record({}, { anything: 'sixteen-or-longer' }, list).answer).toEqual({ anything: '***' })
  expect(record({}, { content: 'a user said …' }, { url: `${group}/logs` }).answer).toEqual({
    content: '***',
  })
  const raw = { at, method: 'PUT', url: group, requestHeaders: {}, request: 'user=jo', answer: '' }
  expect(createSanitizer((text) => text)(raw, 'x', 'y')).toEqual({
    ...{ at, script: 'x', command: 'y', method: 'PUT', requestHeaders: {} },
    url: group.replace(subscription, '00000000-0000-0000-0000-000000000001'),
    request: '*** (7 characters that are not JSON)',
  })
})

const log = put(
  `${group}?api-version=1`,
  { tags: { owner: 'Gr8-known' } },
  { id: `/subscriptions/${subscription}` },
)

test('with --record az logs into a separate folder, and a file with one line for each exchange remains', async () => {
  const folder = path.join(temporaryFolder(), 'recording')
  const recorder = openRecorder({ folder, id: 'run-1', script: 'provision' })
  recorder.cleanWith((text) => text.replaceAll('Gr8-known', '***'))
  const seen: NodeJS.ProcessEnv[] = []
  const runner = openRunner({
    recorder,
    async startLocal(_, { env }) {
      seen.push(env)
      const place = env.AZURE_LOGGING_LOG_DIR!
      expect(statSync(place).mode & 0o777).toBe(0o700)
      // More than 10 MB: the older part has a number.
      writeFileSync(path.join(place, 'az.log.1'), log)
      writeFileSync(path.join(place, 'az.log'), log.replaceAll('management.azure.com', 'v.vault.azure.net'))
      return { code: 0, stdout: '{}', stderr: '', timedOut: false }
    },
  })
  await runner.run(az.change`group create --name rg`)
  await runner.runPrivately(az`group show --name rg`)
  expect(seen[0]).toMatchObject({
    AZURE_LOGGING_ENABLE_LOG_FILE: 'true',
    AZURE_CORE_DISABLE_CONCURRENT_IDS: 'true',
  })
  expect(existsSync(seen[0]!.AZURE_LOGGING_LOG_DIR!)).toBe(false)
  const file = path.join(folder, 'run-1.jsonl')
  expect([statSync(folder).mode & 0o777, statSync(file).mode & 0o777]).toEqual([0o700, 0o600])
  const lines = readFileSync(file, 'utf8').trimEnd().split('\n')
  expect(lines.map((line) => JSON.parse(line) as Exchange)).toMatchObject([
    {
      ...{ script: 'provision', command: 'az group create --name rg --output json --only-show-errors' },
      ...{
        method: 'PUT',
        request: { tags: { owner: '***' } },
        status: 201,
        answerHeaders: { 'retry-after': '1' },
      },
      answer: { id: '/subscriptions/00000000-0000-0000-0000-000000000001' },
    },
    { command: 'az group show --name rg --output json --only-show-errors' },
  ])
  expect(recorder.summary()).toBe(`Recorded 2 requests to Azure, without secrets: ${file}`)
})

test('a recording is never overwritten; the run continues and says so', async () => {
  const folder = temporaryFolder()
  writeFileSync(path.join(folder, 'run-1.jsonl'), 'kept')
  const recorder = openRecorder({ folder, id: 'run-1', script: 'doctor' })
  const runner = openRunner({
    recorder,
    async startLocal(_, { env }) {
      writeFileSync(path.join(env.AZURE_LOGGING_LOG_DIR!, 'az.log'), log)
      return { code: 0, stdout: '{}', stderr: '', timedOut: false }
    },
  })
  await runner.run(az`group show --name rg`)
  expect(readFileSync(path.join(folder, 'run-1.jsonl'), 'utf8')).toBe('kept')
  expect(recorder.summary()).toMatch(/^! The recording is incomplete: EEXIST/)
  expect(readdirSync(folder)).toEqual(['run-1.jsonl'])
})

test('a folder that others can read is refused', async () => {
  const folder = path.join(temporaryFolder(), 'open')
  mkdirSync(folder, { mode: 0o755 })
  const failure = await getFailure((async () => openRecorder({ folder, id: 'run-1', script: 'doctor' }))())
  expect(failure).toMatchObject({ exitCode: 2, what: `--record=${folder} can be read by other users` })
})
