import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { loadConfig } from '../../../lib/config/load.ts'
import { keys } from '../../../lib/config/schema.ts'
import { getFailure, home, loadTestConfig, temporaryFolder } from '../../support/helpers.ts'

const example = readFileSync(path.join(home, '.env.example'), 'utf8')
const getLine = (key: string) => example.split('\n').findIndex((line) => line.startsWith(`${key}=`)) + 1

function write(files: Record<string, string>): string {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text)
  return folder
}
const failing = (text: string) => getFailure(loadConfig(write({ '.env': text })))

test('a plain copy of .env.example is a valid configuration, the same as an empty file but for its placeholders', async () => {
  const folder = write({ '.env': example, '.env.empty': '' })
  const copy = await loadConfig(folder)
  const empty = await loadConfig(write({ '.env': '' }))
  expect(copy.postgres.password.text()).toBe('change-me')
  expect({
    ...copy,
    folder: '',
    stateDir: '',
    dashboardDir: '',
    backend: { ...copy.backend, dir: '' },
  }).toEqual({
    ...empty,
    ...{ folder: '', stateDir: '', dashboardDir: '', backend: { ...empty.backend, dir: '' } },
    ...{ backend: { ...empty.backend, dir: '', secretKey: expect.anything() } },
    ...{ postgres: { ...empty.postgres, password: expect.anything() } },
    ...{ ionos: { ...empty.ionos, dnsKey: expect.anything() } },
    ...{ health: { ...empty.health, pingUrl: expect.anything() } },
    alerts: {
      ...{ webhook: expect.anything(), slack: expect.anything(), teams: expect.anything() },
      email: { ...empty.alerts.email, smtp: expect.anything() },
    },
  })
})

test('.env.example documents exactly the existing keys, each once, in a comment above', () => {
  const lines = example.split('\n')
  const documented = lines.flatMap((line) => /^([A-Z0-9_]+)=/.exec(line)?.[1] ?? [])
  expect([...documented].sort()).toEqual(Object.keys(keys).sort())
  expect(new Set(documented).size).toBe(documented.length)
  for (const [index, line] of lines.entries()) {
    if (!/^[A-Z0-9_]+=/.test(line)) continue
    const above = lines.slice(0, index).reverse()
    expect(
      above.find((each) => !/^[A-Z0-9_]+=/.test(each)),
      `above ${line}`,
    ).toMatch(/^# .+/)
  }
})

test('.env.example shows the defaults', () => {
  const shown = Object.fromEntries(
    [...example.matchAll(/^([A-Z0-9_]+)=(.*)$/gm)].map(([, key, value]) => [key, value]),
  )
  for (const [key, about] of Object.entries(keys)) {
    if (!('secret' in about)) expect(shown[key], key).toBe(about.default)
  }
})

test('all invalid keys are named at once, with file, value and documentation', async () => {
  const folder = write({
    '.env': 'DOMAIN=Not A Domain\nIONOS_PORT=70000\nPOSTGRES_VERSION=9\nBACKEND_CPU=two\nPURGE_URL=ftp://x',
    '.env.eu': 'AZURE_LOCATION=West Europe\nKEEP_RELEASES=1.5\nACME_EMAIL=nobody\nWEB_ROOT=relative',
  })
  const failure = await getFailure(loadConfig(folder, 'eu'))
  expect(failure.exitCode).toBe(2)
  expect(failure.what.split('\n')).toEqual([
    'Invalid configuration (9 errors):',
    ...[
      `.env: DOMAIN must be a lower-case host name; it is "Not A Domain" (.env.example line ${getLine('DOMAIN')})`,
      `.env: IONOS_PORT must be a whole number from 1 to 65535; it is "70000" (.env.example line ${getLine('IONOS_PORT')})`,
      `.env: POSTGRES_VERSION must be one of 14, 15, 16, 17, 18; it is "9" (.env.example line ${getLine('POSTGRES_VERSION')})`,
      `.env: BACKEND_CPU must be a number from 0.1 to 31; it is "two" (.env.example line ${getLine('BACKEND_CPU')})`,
      `.env: PURGE_URL must be an https URL (http only to this machine), or empty; it is "ftp://x" (.env.example line ${getLine('PURGE_URL')})`,
      `.env.eu: AZURE_LOCATION must be a region such as eastus; it is "West Europe" (.env.example line ${getLine('AZURE_LOCATION')})`,
      `.env.eu: KEEP_RELEASES must be a whole number from 2 to 100; it is "1.5" (.env.example line ${getLine('KEEP_RELEASES')})`,
      `.env.eu: ACME_EMAIL must be an e-mail address, or empty; it is "nobody" (.env.example line ${getLine('ACME_EMAIL')})`,
      `.env.eu: WEB_ROOT must be an absolute path; it is "relative" (.env.example line ${getLine('WEB_ROOT')})`,
    ]
      .map((line) => `  ${line}`)
      .sort(byKeyOrder),
  ])
  expect(failure.next).toContain('.env.example')
})

/** Errors are listed in the order of the keys. */
function byKeyOrder(a: string, b: string): number {
  const place = (line: string) => Object.keys(keys).findIndex((key) => line.includes(`: ${key} `))
  return place(a) - place(b)
}

test.each([
  ['POSTGRES_PASWORD', 'POSTGRES_PASSWORD'],
  ['ionos_host', 'IONOS_HOST'],
  ['DOMAIN_', 'DOMAIN'],
])('an unknown key %s suggests the nearest one', async (typed, meant) => {
  expect((await failing(`${typed}=x`)).what).toContain(`.env: unknown key ${typed}; did you mean ${meant}?`)
})

test.each(['SOMETHING_ELSE_ENTIRELY', 'constructor', 'toString'])(
  'an unknown key %s without a similar one is still refused',
  async (key) => {
    const { what } = await failing(`${key}=x`)
    expect(what).toContain(`.env: unknown key ${key}`)
  },
)

test('a wrong value of a secret is not shown, an empty number is refused, a quoted value is read', async () => {
  expect((await failing('IONOS_PORT=')).what).toContain('it is ""')
  const config = await loadTestConfig('POSTGRES_PASSWORD="a #b\'c"', "APP_SECRET_KEY='  spaces  '")
  expect(config.postgres.password.text()).toBe("a #b'c")
  expect(config.backend.secretKey.text()).toBe('  spaces  ')
})

test.each([
  ['REDIS_KIND=classic', 'REDIS_SKU Balanced_B0 is not a size for REDIS_KIND classic'],
  ['REDIS_SKU=Basic_C0', 'REDIS_SKU Basic_C0 is not a size for REDIS_KIND managed'],
])('%s alone does not match the other one', async (line, words) => {
  expect((await failing(line)).what).toContain(`${words} (.env.example line ${getLine('REDIS_KIND')})`)
})

test('both kinds of Redis, each with its size', async () => {
  expect((await loadTestConfig('REDIS_KIND=classic', 'REDIS_SKU=Basic_C0')).redis.kind).toBe('classic')
  expect((await loadTestConfig('REDIS_SKU=Balanced_B1')).redis.sku).toBe('Balanced_B1')
})

test.each([
  ['DOMAIN=a.app\nthis is no line\n\n# a comment\nexport IONOS_PORT=22\nanother', 'line 2, line 6'],
  ["# it's one\n# it isn't\nIONOS_HOST 1.2.3.4\n", 'line 3'],
  ['DOMAIN="a.app"\r\nIONOS_HOST\r\nACME_EMAIL="a@b.cc"\r\n', 'line 2'],
])('lines that are not KEY=value are named %#', async (text, lines) => {
  const failure = await failing(text)
  expect(failure).toMatchObject({ what: `.env has lines that are not KEY=value: ${lines}`, exitCode: 2 })
})

test('an invalid line is also detected in a file based on .env.example', async () => {
  const text = `${example}\nIONOS_HOST 1.2.3.4\n`
  expect((await failing(text)).what).toContain(`line ${text.split('\n').length - 1}`)
})

test('a value over several lines is one value', async () => {
  const config = await loadTestConfig('APP_SECRET_KEY="first', 'second"', 'DOMAIN=a.app')
  expect([config.backend.secretKey.text(), config.domain]).toEqual(['first\nsecond', 'a.app'])
})

test('a missing file is named, with what to do', async () => {
  const folder = temporaryFolder()
  expect(await getFailure(loadConfig(folder))).toEqual({
    what: `.env not found in ${folder}`,
    next: 'Copy .env.example to .env and fill it in.',
    exitCode: 2,
  })
  writeFileSync(path.join(folder, '.env'), '')
  expect(await getFailure(loadConfig(folder, 'eu'))).toMatchObject({
    what: `.env.eu not found in ${folder}`,
    next: 'Create .env.eu: no .env.NAME exists there.',
  })
})

test('a mistyped environment is answered with those that exist, the nearest first, and never with .env', async () => {
  const folder = write({ '.env': '', '.env.demo': '', '.env.prod': '', '.env.staging': '' })
  expect(await getFailure(loadConfig(folder, 'stagign'))).toEqual({
    what: `.env.stagign not found in ${folder}`,
    next: expect.stringMatching(
      /^Use one that exists: --env staging, --env (demo|prod), .*\. Or create \.env\.stagign\.$/,
    ),
    exitCode: 2,
  })
})

test('.env.NAME is read on top of .env, and needs no .env', async () => {
  const folder = write({ '.env': 'DOMAIN=a.app\nIONOS_HOST=192.0.2.1', '.env.eu': 'DOMAIN=eu.a.app' })
  const config = await loadConfig(folder, 'eu')
  expect([config.domain, config.servers[0].address, config.environment]).toEqual([
    'eu.a.app',
    '192.0.2.1',
    'eu',
  ])
  expect((await loadConfig(folder)).domain).toBe('a.app')
  expect((await loadConfig(write({ '.env.eu': 'DOMAIN=eu.a.app' }), 'eu')).domain).toBe('eu.a.app')
})

test.each(['', '../../etc/passwd', 'a/b', 'a b', '.', '$(id)', 'ä', 'eu\n', '\0'])(
  '--env %j is refused before any file is opened',
  async (name) => {
    const failure = await getFailure(loadConfig(write({ '.env': '' }), name))
    expect(failure).toMatchObject({ what: `--env ${JSON.stringify(name)} is not a valid name`, exitCode: 2 })
  },
)

test('environment variables are ignored: cron and a terminal see the same', async () => {
  process.env.DOMAIN = 'from.environment.app'
  try {
    expect((await loadTestConfig()).domain).toBe('codexdominion.app')
  } finally {
    delete process.env.DOMAIN
  }
})

test('the configuration is frozen to its leaves', async () => {
  const config = await loadTestConfig()
  expect(Object.isFrozen(config)).toBe(true)
  for (const part of Object.values(config)) expect(Object.isFrozen(part)).toBe(true)
  expect(Object.isFrozen(config.network.azEnvironment)).toBe(true)
  expect(() => Object.assign(config.ionos, { host: 'elsewhere' })).toThrow(TypeError)
  expect(() => Object.assign(config.postgres.password, { text: () => '' })).toThrow(TypeError)
})

test('paths are relative to the folder of .env, ~ is the home folder; values have their types', async () => {
  const folder = write({
    '.env':
      'IONOS_SSH_KEY=~/.ssh/id\nCA_FILE=ca.pem\nBACKEND_DIR=/abs\nIONOS_PORT=2222\nBACKEND_CPU=0.5\nWEB_ROOT=/srv/www/\nACR_NAME=CodexAcr\nAZURE_CONFIG_DIR=az\nHTTPS_PROXY=http://proxy:3128',
  })
  mkdirSync(path.join(folder, 'az'))
  const { ionos, servers, network, backend, azure, stateDir } = await loadConfig(folder)
  expect(servers).toMatchObject([{ key: path.join(homedir(), '.ssh/id'), port: 2222 }])
  expect(ionos.webRoot).toBe('/srv/www')
  expect([network.caFile, backend.dir, backend.cpu]).toEqual([path.join(folder, 'ca.pem'), '/abs', 0.5])
  expect(network.azEnvironment).toEqual({
    HTTPS_PROXY: 'http://proxy:3128',
    HTTP_PROXY: 'http://proxy:3128',
    AZURE_CONFIG_DIR: path.join(folder, 'az'),
  })
  expect(azure.registry).toBe('codexacr')
  expect(stateDir).toBe(path.join(folder, '.dominion', 'default'))
})

test('limits: two figures, the WARNING first', async () => {
  const { health } = await loadConfig(write({ '.env': 'HEALTH_API_MS=300,900\n' }))
  expect(health.apiMs).toEqual({ warning: 300, critical: 900 })
  expect(health.certificatePercent).toEqual({ warning: 25, critical: 12.5 })
  const said = (
    await failing('HEALTH_API_MS=900,300\nHEALTH_CERTIFICATE_PERCENT=5,10\nHEALTH_DISK_PERCENT=80\n')
  ).what
  expect(said).toContain(
    `HEALTH_API_MS=900,300: the first is the WARNING limit and must not be above the second`,
  )
  expect(said).toContain(
    'HEALTH_CERTIFICATE_PERCENT=5,10: the first is the WARNING limit and must not be below the second',
  )
  expect(said).toContain('HEALTH_DISK_PERCENT must be two figures, WARNING,CRITICAL')
})

test.each(['Infinity', 'NaN', '1e309', '1e3', '0x10', '" 5 "', '+5', '-5', '٣', '5_0', '5.'])(
  'HEALTHY_WITHIN_SECONDS=%s is not a number',
  async (text) => {
    const { what } = await failing(`HEALTHY_WITHIN_SECONDS=${text}\nBACKEND_CPU=${text}`)
    expect(what).toContain('HEALTHY_WITHIN_SECONDS must be a whole number from 5 to 3600; it is')
    expect(what).toContain('BACKEND_CPU must be a number from 0.1 to 31; it is')
  },
)

test.each([
  'AZURE_SUBSCRIPTION=--debug',
  'AZURE_RESOURCE_GROUP=-g',
  'BACKEND_DOCKERFILE=--file',
  'ACME_EMAIL=--config@a.app',
])('%s is refused, because a program would read it as an option', async (line) => {
  expect((await failing(line)).what).toContain(`.env: ${line.split('=')[0]} must be `)
})

test.each([
  ['https://cdn.test/purge?token=1', true],
  ['http://localhost:8080/purge', true],
  ['http://127.0.0.2', true],
  ['http://[::1]:80?a', true],
  ['http://cdn.test/purge?token=1', false],
  ['http://localhost.cdn.test/', false],
  ['http://localhost:80@cdn.test/', false],
  ['http://localhost\\@cdn.test/', false],
  ['http://127.0.0.1.cdn.test/', false],
  ['ftp://localhost/', false],
])('an address with a secret: %s', async (address, isSafe) => {
  for (const key of ['PURGE_URL', 'IONOS_DNS_API']) {
    if (isSafe) await loadTestConfig(`${key}='${address}'`)
    else expect((await failing(`${key}='${address}'`)).what).toContain(`${key} must be an https URL`)
  }
})
