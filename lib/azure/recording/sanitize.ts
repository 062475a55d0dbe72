import { homedir } from 'node:os'
import { parseJson } from '../../util/json.ts'
import type { Exchange, RawExchange } from './exchange.ts'

const hidden = '***'

/**
 * Headers that show how Azure behaves. All others are left out: they carry tokens, or ids that only Microsoft can use.
 */
const keptHeaders = new Set([
  ...['accept', 'azure-asyncoperation', 'content-type', 'etag', 'if-match', 'link', 'location', 'prefer'],
  ...['retry-after', 'x-ms-error-code', 'x-ms-failure-cause', 'commandname'],
])

/** Any other value in a query is hidden: Azure signs addresses of uploads, logs and operations. */
const keptQuery =
  /^(api-version|\$(filter|top|expand|select)|metricnames|interval|aggregation|tail|n|orderby|scope|timespan)$/i

/** A property whose text is secret, and so is every text below it. */
const secretName =
  /(password|passwd|passphrase|secret|securevalue|connectionstring|(access|account|api|primary|secondary|shared|private|workspace)key|token|sas|sasur[il]|uploadurl|loglink)s?$/i
/** A setting or variable, `{name, value}`, whose value is secret. */
const secretSetting =
  /password|passwd|secret|token|credential|connection|private|dsn|(^|[-_]|access|account|api)key$/i

const key = /^(?!\/)(?=.*[a-z])(?=.*[A-Z])(?=.*\d)[A-Za-z0-9+/]{40,}={0,2}$/
const jsonWebToken = /\beyJ[\w-]+\.[\w-]+(\.[\w-]+)?/g
/** A private key, also one that is cut off. */
const pemKey = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g
/** A key of 32 bytes or more; a digest is public. */
const hexKey = /(?<!\bsha\d{3}:)\b[0-9a-f]{64,}\b/gi
/** A password may contain a slash, but what begins with digits and a slash is a port and a path. */
const inAddress = /(:\/\/[^/\s:@]*:)(?!\d{1,5}\/)[^@\s]+@/g
const assigned = /\b((?:AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd|sig)=)[^;&\s"]+/gi

const guid = /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi
const mailAddress = /[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}/g
/** Addresses on the internet. 1.0.0.0 is the version of a template. */
const publicIpv4 =
  /\b(?!0\.|10\.|127\.|255\.|1\.0\.0\.0\b|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.)(?:\d{1,3}\.){3}\d{1,3}\b/g

/** Addresses on the internet begin with 2 or 3 (2000::/3, IANA's registry of IPv6 address space). */
const publicIpv6 = /(?<![\w:.])[23][0-9a-f]{3}:(?:[0-9a-f]{0,4}:){1,6}[0-9a-f]{0,4}(?![\w:])/gi

/** Gives each name the same placeholder wherever it occurs. */
function numbered(format: (number: number) => string): (name: string) => string {
  const known = new Map<string, string>()
  return (name) => {
    const placeholder = known.get(name.toLowerCase()) ?? format(known.size + 1)
    known.set(name.toLowerCase(), placeholder)
    return placeholder
  }
}

/**
 * Makes exchanges safe to share, with the same placeholders throughout a recording: known secrets, secret
 * properties, whatever looks like a key, signed addresses, GUIDs (subscription, tenant, people), e-mail and IP addresses.
 * What is not JSON is left out.
 * @param clean removes the secrets that this run knows
 */
export function createSanitizer(clean: (text: string) => string) {
  const asGuid = numbered((number) => `00000000-0000-0000-0000-${String(number).padStart(12, '0')}`)
  const asMailAddress = numbered((number) => `user${number}@example.com`)
  // RFC 5737 keeps these for documentation.
  const asIpv4 = numbered((number) => `203.0.${113 + Math.floor(number / 255)}.${number % 255}`)
  // RFC 3849, likewise.
  const asIpv6 = numbered((number) => `2001:db8::${number.toString(16)}`)
  const home = JSON.stringify(homedir()).slice(1, -1)

  return (raw: RawExchange, script: string, command: string): Exchange => {
    const safe = hideSecrets(raw, script, command)
    const text = clean(JSON.stringify(safe))
      .replaceAll(guid, (found) => (/[1-9a-f]/i.test(found) ? asGuid(found) : found))
      .replaceAll(mailAddress, asMailAddress)
      .replaceAll(publicIpv4, asIpv4)
      .replaceAll(publicIpv6, asIpv6)
    return JSON.parse(home.length > 1 ? text.replaceAll(home, '~') : text) as Exchange
  }
}

function hideSecrets(raw: RawExchange, script: string, command: string): Exchange {
  const { at, method, status } = raw
  const path = raw.url.split('?')[0]!.toLowerCase()
  const request = parseBody(raw.request)
  const answer = parseBody(raw.answer)
  const named = secureParameters(request)
  const isList = method === 'POST' && /\/list\w+$/.test(path)
  const isLog = path.endsWith('/logs')
  return {
    ...{
      at,
      script,
      command,
      method,
      url: hideQuery(raw.url),
      requestHeaders: keepHeaders(raw.requestHeaders),
    },
    ...(request === undefined ? {} : { request: hideIn(request, { named }) }),
    ...(status === undefined ? {} : { status, answerHeaders: keepHeaders(raw.answerHeaders ?? {}) }),
    ...(answer === undefined ? {} : { answer: hideIn(answer, { isList, isLog }) }),
  }
}

/** az logs a template as a string, before it becomes part of the body unchanged (JsonCTemplatePolicy in azure-cli). */
function parseBody(text: string): unknown {
  if (text.trim() === '') return undefined
  const body = parseJson<{ properties?: { template?: unknown } }>(text)
  if (body === undefined) return `${hidden} (${text.length} characters that are not JSON)`
  const { template } = body.properties ?? {}
  if (typeof template === 'string') body.properties!.template = parseJson(template) ?? hidden
  return body
}

/** The parameters that the template of a deployment declares as secure. */
function secureParameters(request: unknown): ReadonlySet<string> {
  const { template } = (request as { properties?: { template?: unknown } } | undefined)?.properties ?? {}
  const { parameters = {} } = (template ?? {}) as { parameters?: Record<string, { type?: string }> }
  const secure = Object.entries(parameters).filter(([, { type = '' }]) => /^secure/i.test(type))
  return new Set(secure.map(([name]) => name))
}

interface Place {
  /** Within a secret, where every text except its name and type is hidden. */
  isSecret?: boolean
  /** Secure parameters of a deployment. */
  named?: ReadonlySet<string>
  /** The answer to listKeys, listCredentials and their like: a long text in it is a secret. */
  isList?: boolean
  /** The log of a container: the application's own words. */
  isLog?: boolean
}

function hideIn(value: unknown, place: Place, name = ''): unknown {
  if (typeof value === 'string') return hideText(value, place, name)
  if (Array.isArray(value)) return value.map((each) => hideIn(each, place, name))
  if (typeof value !== 'object' || value === null) return value
  const setting = (value as { name?: unknown }).name
  const isSecretSetting = typeof setting === 'string' && secretSetting.test(setting)
  return Object.fromEntries(
    Object.entries(value).map(([property, each]) => {
      const isSecret =
        place.isSecret ||
        secretName.test(property) ||
        (place.named?.has(property) && name === 'parameters') ||
        (property === 'value' && isSecretSetting)
      // A template only declares its parameters.
      const { named, ...rest } = place
      const inside = property === 'template' || !named ? rest : place
      return [property, hideIn(each, { ...inside, ...(isSecret ? { isSecret } : {}) }, property)]
    }),
  )
}

function hideText(text: string, place: Place, name: string): string {
  if (place.isSecret && name !== 'name' && name !== 'type') return hidden
  if ((place.isList && text.length >= 16) || (place.isLog && name === 'content') || key.test(text))
    return hidden
  const scrubbed = text
    .replaceAll(pemKey, hidden)
    .replaceAll(hexKey, hidden)
    .replaceAll(jsonWebToken, hidden)
    .replaceAll(inAddress, `$1${hidden}@`)
    .replaceAll(assigned, `$1${hidden}`)
  return /^https?:\/\/\S+$/.test(scrubbed) ? hideQuery(scrubbed) : scrubbed
}

/** Does not use URL, which would rewrite the address. */
function hideQuery(url: string): string {
  const [start, ...query] = url.split('?')
  if (query.length === 0) return url
  const parts = query
    .join('?')
    .split('&')
    .map((part) => {
      const name = part.split('=')[0]!
      return keptQuery.test(decodeURIComponent(name)) ? part : `${name}=${hidden}`
    })
  return `${start}?${parts.join('&')}`
}

function keepHeaders(headers: Record<string, string>): Record<string, string> {
  const all = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value] as const)
  const kept = all.filter(([name]) => keptHeaders.has(name))
  const version = /\bAZURECLI\/[\d.]+/.exec(headers['user-agent'] ?? '')?.[0]
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, hideText(value, {}, name)])),
    ...(version ? { 'user-agent': version } : {}),
  }
}
