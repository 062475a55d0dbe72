import {
  explain,
  file,
  hostName,
  isSetting,
  type Key,
  listSettings,
  type Setting,
  type Source,
  section,
  setting,
  text,
  unchanged,
  url,
} from './setting.ts'
import { azureSettings, azureShareKinds } from './settings/azure.ts'
import { monitoringSettings } from './settings/monitoring.ts'
import { siteShareKinds, vpsSettings } from './settings/vps.ts'

/** What two environments can share, by the names that SHARES accepts. */
export const shareKinds = [...azureShareKinds, ...siteShareKinds]
export type ShareKind = (typeof shareKinds)[number]

/** Every key: what it allows, its default, its field, and the text above it in `.env.example`, in the order of that file. */
const settings = {
  ...section('The site', {
    ...explain('The apex name; the site also answers as www.DOMAIN.', {
      domain: text('DOMAIN', 'codexdominion.app', hostName, 'a lower-case host name'),
    }),
  }),
  ...section('Several environments', {
    ...explain(
      `Two environments (.env, .env.NAME) that name the same resource are refused, unless one of their files lists it here, separated by commas: ${shareKinds.join(', ')}. remove never removes what another environment names.`,
      {
        shares: text(
          'SHARES',
          '',
          `^((${shareKinds.join('|')})(,(?!$)|$))*$`,
          `a comma-separated list of ${shareKinds.join(', ')}, or empty`,
        ),
      },
    ),
    ...explain(
      'Set to yes, for .env only, if it holds only what the environments have in common. Every script then needs --env NAME.',
      { baseOnly: text('BASE_ONLY', '', '^(yes)?$', 'yes, or empty') },
    ),
  }),
  ...azureSettings,
  ...vpsSettings,
  ...monitoringSettings,
  ...section("This machine's network", {
    network: {
      ...explain("Name server to use instead of the system's; PEM file of additional trusted authorities.", {
        dnsServer: text('DNS_SERVER', '', '^$|^[0-9A-Fa-f.:\\[\\]]+$', 'the address of a resolver, or empty'),
        caFile: file('CA_FILE'),
      }),
      ...explain(
        "Settings for az behind a proxy, passed on unchanged. ssh, PostgreSQL and this tool's other requests connect directly.",
        {
          azProxy: text('HTTPS_PROXY', '', `^$|${url}`, 'a URL, or empty'),
          azNoProxy: setting('NO_PROXY', { type: 'string', default: '' }, unchanged),
          azCaFile: file('REQUESTS_CA_BUNDLE'),
        },
      ),
      ...explain('The folder of az (login and settings); empty = ~/.azure.', {
        azFolder: file('AZURE_CONFIG_DIR'),
      }),
    },
    ...explain('Folder for receipts and transcripts.', {
      stateDir: text('STATE_DIR', '.dominion', '^.+$', 'a folder', { path: true }),
    }),
  }),
}

type NameOf<Part> =
  Part extends Setting<infer Name, unknown>
    ? Name
    : { [Field in keyof Part]: NameOf<Part[Field]> }[keyof Part]
export type KeyName = NameOf<typeof settings>

type ValueOf<Part> =
  Part extends Setting<string, infer Value> ? Value : { readonly [Field in keyof Part]: ValueOf<Part[Field]> }

export const keys = {} as Record<KeyName, Key>
for (const each of listSettings(settings)) keys[each.key as KeyName] = each

export function readSettings(textOf: (key: KeyName) => string, source: Source) {
  const read = (part: object): unknown =>
    isSetting(part)
      ? part.read(textOf(part.key as KeyName), source)
      : Object.fromEntries(Object.entries(part).map(([field, inner]) => [field, read(inner)]))
  return read(settings) as ValueOf<typeof settings>
}

/** The parts of a key that belong to its JSON Schema. */
const keywords = ['type', 'pattern', 'enum', 'minimum', 'maximum']

/** The JSON Schema of a configuration. Numbers arrive as numbers, everything else as text. */
export const schema = {
  type: 'object',
  properties: Object.fromEntries(
    Object.entries(keys).map(([key, about]) => [
      key,
      Object.fromEntries(Object.entries(about).filter(([word]) => keywords.includes(word))),
    ]),
  ),
}
