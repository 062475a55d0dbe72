import { rmSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { readOthers } from '../../../lib/config/environments.ts'
import { loadConfig } from '../../../lib/config/load.ts'
import { shareKinds } from '../../../lib/config/schema.ts'
import { findShared, findSharedWithOthers, listShareRules } from '../../../lib/deploy/separation.ts'
import { getFailure, loadTestConfig, temporaryFolder } from '../../support/helpers.ts'

const core = [
  'IONOS_HOST=192.0.2.7',
  'AZURE_RESOURCE_GROUP=staging',
  'ACR_NAME=stagingacr',
  'POSTGRES_SERVER=staging-db',
  'REDIS_NAME=staging-redis',
  'BACKEND_DNS_LABEL=staging-api',
]
const without = (...keys: string[]) => core.filter((line) => !keys.some((key) => line.startsWith(`${key}=`)))
const domain = 'DOMAIN=staging.example'
const oneVps = core.slice(1)
const everything = ['containers', 'dns-label', 'postgres', 'database', 'redis', 'registry', 'vps']
const v6 = 'IONOS_PUBLIC_IPV6=2001:db8::5'
const [one, two] = ['1', '2'].map(
  (digit) => `AZURE_SUBSCRIPTION=${digit.repeat(8)}-0000-4000-8000-000000000000`,
)
const rehearsed = (n: string) => [
  `AZURE_SUBSCRIPTION=${n.repeat(8)}-0000-4000-8000-000000000000`,
  `AZURE_CONFIG_DIR=/tmp/${n}/az`,
  `HTTPS_PROXY=http://127.0.0.1:400${n}`,
  `REQUESTS_CA_BUNDLE=/tmp/${n}/ca.pem`,
  `IONOS_HOST=10.213.${n}.5`,
]

test.each<[string, string[], string[], string[]]>([
  ['the same twice: defaults count', [], [], [...everything, 'site']],
  ['only the domain differs', [], [domain], everything],
  ['everything differs, on one VPS', [], [...oneVps, domain], ['vps']],
  ['everything differs, the VPS too', [], [...core, domain], []],
  ['the server alone is the same', [], [...without('POSTGRES_SERVER'), domain], ['postgres', 'database']],
  [
    'the server, with another database',
    [],
    [...without('POSTGRES_SERVER'), domain, 'POSTGRES_DATABASE=staging'],
    ['postgres'],
  ],
  ['a database of the same name on another server', [], [...core, domain, 'POSTGRES_DATABASE=codexdb'], []],
  [
    'the registry, in other case',
    [],
    [...without('ACR_NAME'), 'ACR_NAME=CodexAcr1216', domain],
    ['registry'],
  ],
  [
    'the group, in other case',
    [],
    [...core, 'AZURE_RESOURCE_GROUP=CodexDominion-Prod', domain],
    ['containers'],
  ],
  ['the address of the backend', [], [...without('BACKEND_DNS_LABEL'), domain], ['dns-label']],
  [
    'the address that a release in progress uses',
    [],
    [...core, 'BACKEND_DNS_LABEL=codex-api-next', domain],
    ['dns-label'],
  ],
  [
    'the same label in another region',
    [],
    [...without('BACKEND_DNS_LABEL'), domain, 'AZURE_LOCATION=westeurope'],
    [],
  ],
  ['a managed Redis of the same name', [], [...without('REDIS_NAME'), domain], ['redis']],
  [
    'one in another region and group',
    [],
    [...without('REDIS_NAME'), domain, 'AZURE_LOCATION=westeurope'],
    [],
  ],
  [
    'one in another region than its group, and group',
    [],
    [...without('REDIS_NAME'), domain, 'REDIS_LOCATION=westeurope'],
    [],
  ],
  ['the site on the same VPS', [], oneVps, ['vps', 'site']],
  ['www. of the other site', [], [...oneVps, 'DOMAIN=www.codexdominion.app'], ['vps', 'site']],
  ['the same domain on another address', [], core, []],
  ['and its records are set from here', ['IONOS_DNS_KEY=a.b'], core, ['dns-records']],
  [
    'the same domain, the VPS by a name that may be the same',
    [],
    [...oneVps, 'IONOS_HOST=vps.example'],
    ['vps', 'site'],
  ],
  [
    'the same public address',
    [],
    [...oneVps, 'IONOS_HOST=vps', 'IONOS_PUBLIC_IP=74.208.123.158'],
    ['vps', 'site'],
  ],
  ['IPv4 here and IPv6 there', [v6], [...oneVps, 'IONOS_HOST=2001:db8:0::5', v6], ['vps', 'site']],
  ['IPv6 there alone', [], [...oneVps, domain, 'IONOS_HOST=2001:db8::5'], ['vps']],
  ['one IPv6 address, two of IPv4', [v6], [...core, domain, v6], ['vps']],
  ['nothing in common but a family', [v6], [...core, domain, 'IONOS_PUBLIC_IPV6=2001:db8::6'], []],
  // Server, registry and label are unique across Azure: two subscriptions cannot both have them.
  [
    'other subscriptions, the same names',
    [one!],
    [two!, domain],
    everything.filter((kind) => kind !== 'containers'),
  ],
  [
    'a group of the same name in another subscription',
    [one!],
    [...core, two!, 'AZURE_RESOURCE_GROUP=codexdominion-prod', domain],
    [],
  ],
  [
    'a subscription that is not known may be the same',
    [],
    [...core, two!, 'AZURE_RESOURCE_GROUP=codexdominion-prod', domain],
    ['containers'],
  ],
  [
    'an id and a name may be the same',
    ['AZURE_SUBSCRIPTION=Prod'],
    [...core, two!, 'AZURE_RESOURCE_GROUP=codexdominion-prod', domain],
    ['containers'],
  ],
  ['a rehearsal beside production', [], rehearsed('1'), []],
  ['two rehearsals', rehearsed('1'), rehearsed('2'), []],
  ['a rehearsal beside one whose VPS has a name', ['IONOS_HOST=vps.example'], rehearsed('1'), []],
  ['another login alone is no other cloud', [], [domain, 'AZURE_CONFIG_DIR=/srv/az'], everything],
  [
    'nor another proxy with its authority',
    [],
    [domain, 'HTTPS_PROXY=http://p:1', 'REQUESTS_CA_BUNDLE=/p.pem'],
    everything,
  ],
])('%s', async (_, first, second, kinds) => {
  const [a, b] = [await loadTestConfig(...first), await loadTestConfig(...second)]
  expect(findShared(a, b).map(({ kind }) => kind)).toEqual(kinds)
  expect(findShared(b, a).map(({ kind }) => kind)).toEqual(kinds)
})

function write(files: Record<string, string>): string {
  const folder = temporaryFolder()
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text)
  return folder
}

test('every environment in the folder counts; examples, copies and the base do not', async () => {
  const folder = write({
    '.env': 'BASE_ONLY=yes\nACR_NAME=common1\nIONOS_HOST=192.0.2.7',
    '.env.prod': '',
    '.env.stage': core.join('\n'),
    '.env.test': without('ACR_NAME').join('\n'),
    '.env.example': '',
    '.env.default': '',
    '.env.swp': 'b0VIM 8.2',
    '.env.swo': 'b0VIM 9.1',
    '.env.prod.bak': '',
    '.envrc': '',
    '.env.typo': 'DOMAN=x',
  })
  const config = await loadConfig(folder, 'prod')
  const others = await readOthers(config)
  expect(others.environments.map(({ environment }) => environment).sort()).toEqual(['stage', 'test'])
  expect(others.unreadable).toEqual([
    { file: '.env.typo', why: expect.stringContaining('unknown key DOMAN') },
  ])
  expect(findSharedWithOthers(config, others)).toEqual([
    {
      ...{ kind: 'vps', files: ['.env.stage', '.env.test'] },
      keys: ['IONOS_HOST', 'IONOS_PUBLIC_IP', 'IONOS_PUBLIC_IPV6'],
      what: 'VPS 192.0.2.7 with its nginx, deploy lock, receipts and marks of bad releases',
    },
    {
      ...{ kind: 'site', keys: ['DOMAIN', 'IONOS_HOST'], files: ['.env.stage', '.env.test'] },
      what: 'site codexdominion.app on the VPS 192.0.2.7',
    },
    { kind: 'registry', what: 'container registry common1', keys: ['ACR_NAME'], files: ['.env.test'] },
  ])
})

test('an environment that is removed while the others are read names nothing; a dangling link is unreadable', async () => {
  const folder = write({ '.env.prod': '', '.env.test': '', '.env.gone': core.join('\n') })
  symlinkSync('nowhere', path.join(folder, '.env.link'))
  const reading = readOthers(await loadConfig(folder, 'prod'))
  rmSync(path.join(folder, '.env.gone'))
  const { environments, unreadable } = await reading
  expect(environments.map(({ environment }) => environment)).toEqual(['test'])
  expect(unreadable.map(({ file }) => file)).toEqual(['.env.link'])
})

test('BASE_ONLY excludes .env from the environments, lists the others, and belongs in .env', async () => {
  const folder = write({ '.env': 'BASE_ONLY=yes', '.env.prod': '', '.env.stage': 'BASE_ONLY=yes' })
  expect(await getFailure(loadConfig(folder))).toMatchObject({
    exitCode: 2,
    what: expect.stringContaining('BASE_ONLY=yes'),
    next: expect.stringContaining('--env prod, --env stage'),
  })
  expect((await loadConfig(folder, 'prod')).environment).toBe('prod')
  expect((await getFailure(loadConfig(folder, 'stage'))).what).toContain('.env.stage: BASE_ONLY')
})

test.each(['default', 'example'])('.env.%s cannot be loaded: no comparison would see it', async (name) => {
  const folder = write({ '.env': '', [`.env.${name}`]: 'DOMAIN=staging.example' })
  expect(await getFailure(loadConfig(folder, name))).toMatchObject({
    exitCode: 2,
    what: expect.stringContaining(`--env ${name} is reserved`),
    next: `If .env.${name} describes an environment, rename it.`,
  })
  expect((await loadConfig(folder)).environment).toBe('default')
})

test('every name that --env accepts is compared, whatever an editor would call so', async () => {
  const folder = write({ '.env': '', '.env.swa': '', '.env.swp': 'DOMAIN=swp.example' })
  symlinkSync('.env.swp', path.join(folder, '.env.swb'))
  const { environments } = await readOthers(await loadConfig(folder))
  expect(environments.map(({ environment }) => environment)).toEqual(['swa', 'swb', 'swp'])
  expect((await loadConfig(folder, 'swa')).environment).toBe('swa')
})

test.each(['server', 'registry,', ',registry', 'registry redis', 'Registry'])(
  'SHARES=%s is refused',
  async (value) => {
    const failure = await getFailure(loadTestConfig(`SHARES=${value}`))
    expect(failure.what).toContain('SHARES must be a comma-separated list of containers, dns-label, postgres')
  },
)

test('every kind has one rule', async () => {
  const rules = listShareRules(await loadTestConfig())
  expect(rules.map(({ kind }) => kind)).toEqual(shareKinds)
})

test('SHARES lists kinds', async () => {
  expect((await loadTestConfig('SHARES=registry,redis')).shares).toEqual(['registry', 'redis'])
  expect((await loadTestConfig('SHARES=')).shares).toEqual([])
})
