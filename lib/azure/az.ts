import { act, type Command, look } from '../command/command.ts'
import { exitCode, type Failure } from '../command/errors.ts'

/** Settings that make az answer a program the same way everywhere; sources in docs/azure.md. */
const env = {
  AZURE_CORE_NO_COLOR: '1',
  AZURE_CORE_COLLECT_TELEMETRY: '0',
  AZURE_CORE_LOGIN_EXPERIENCE_V2: 'off',
  AZURE_EXTENSION_USE_DYNAMIC_INSTALL: 'no',
}

/** The az that the command lines here were checked with. */
export const oldestAz = '2.45.0'

/** `show` of something that is not there. */
export const absent = 3

/** ARM says these while an earlier operation is still under way; worth a bounded wait. */
const busy =
  /still transitioning|AnotherOperationInProgress|OperationNotAllowed.*in progress|\b429 Client Error|\bToo ?Many ?Requests\b|RequestConflict/

const always = (args: Command['argv']): Command['argv'] => [
  'az',
  ...args,
  '--output',
  'json',
  '--only-show-errors',
]
const retry = { times: 6, pauseMs: 10_000, when: busy }

/** An az line that only looks. Exit 3 (absent) is an answer. */
export const azLook = (args: Command['argv'], rest: Partial<Command> = {}): Command =>
  look(always(args), {
    explain: explainAz,
    retry,
    accept: [0, absent],
    ...rest,
    env: { ...env, ...rest.env },
  })

/** An az line that changes something. */
export const azAct = (args: Command['argv'], rest: Partial<Command> = {}): Command =>
  act(always(args), { explain: explainAz, retry, ...rest, env: { ...env, ...rest.env } })

/** What az's words mean, and what to do; undefined when they speak for themselves. */
export function explainAz(output: string): Partial<Failure> | undefined {
  return meanings.find(({ when }) => when.test(output))?.means(output)
}

/** The same for a build: once it has run, a network fault in its log is the build's own, not Azure's. */
export function explainBuild(output: string): Partial<Failure> | undefined {
  const log = /\bRun ID: \S+ (failed|was canceled|timed out)/i.test(output)
  return log
    ? meanings.find(({ ofBuild, when }) => ofBuild && when.test(output))?.means(output)
    : explainAz(output)
}

const meanings: { when: RegExp; ofBuild?: true; means: (output: string) => Partial<Failure> }[] = [
  {
    when: /az login|AADSTS|ExpiredAuthenticationToken|InvalidAuthenticationToken|Interactive authentication is needed/i,
    means: () => ({
      what: 'Not logged in to Azure, or the login has expired',
      next: 'az login   (then run the same line again)',
      exitCode: exitCode.notLoggedIn,
    }),
  },
  {
    when: /Subscription '?.*'? not found|SubscriptionNotFound|doesn't exist in cloud|InvalidSubscriptionId/i,
    means: () => ({
      what: 'This login cannot see the subscription',
      next: 'Set AZURE_SUBSCRIPTION in .env to one of: az account list --output table',
      exitCode: exitCode.usage,
    }),
  },
  {
    when: /AuthorizationFailed|does not have authorization/i,
    means: () => ({
      what: 'This login may not do that in Azure',
      next: 'Ask for the role Contributor on the resource group (az role assignment create).',
    }),
  },
  {
    when: /MissingSubscriptionRegistration|not registered to use namespace/i,
    means: (output) => {
      const namespace = /namespace '([\w.]+)'/.exec(output)?.[1] ?? 'NAMESPACE'
      return {
        what: `The subscription is not registered for ${namespace}`,
        next: `az provider register --namespace ${namespace} --wait   (once; then run the same line again)`,
      }
    },
  },
  {
    when: /Azure Cache for Redis is retiring|create Azure Managed Redis/i,
    means: () => ({
      what: 'Azure refuses classic Azure Cache for Redis: this tenant cannot create one any more',
      next: 'Set REDIS_KIND=managed and REDIS_SKU=Balanced_B0 in .env.',
    }),
  },
  {
    when: /redisEnterprise[\s\S]*(not (allowed|available|supported|enabled)|quota|NoRegisteredProviderFound|SkuNotAvailable|refused)|(SkuNotAvailable|NotAvailableForSubscription)[\s\S]*redis/i,
    means: () => ({
      what: 'Azure refuses Azure Managed Redis for this subscription or region',
      next: 'Set AZURE_LOCATION or REDIS_SKU to one that is offered; an older tenant may set REDIS_KIND=classic and REDIS_SKU=Basic_C0.',
    }),
  },
  {
    when: /TasksOperationsNotAllowed/i,
    means: () => ({
      what: 'The registry may not build images for this subscription (ACR Tasks are paused, as for free credit)',
      next: 'Build here instead: az acr login, docker build, docker push with the same tag; then run the same line with --quick.',
    }),
  },
  {
    when: /toomanyrequests|RegistryErrorResponse/i,
    ofBuild: true,
    means: () => ({
      what: 'The base image could not be pulled: its registry limits anonymous pulls',
      next: 'Take the base image from mcr.microsoft.com, or import it once with az acr import.',
    }),
  },
  {
    when: /ServerNameAlreadyExists|NameNotAvailable|AlreadyInUse|name .* is already (taken|in use)/i,
    means: () => ({
      what: 'The name is taken; server and registry names are global, and stay blocked for a while after a deletion',
      next: 'Choose another name in .env (POSTGRES_SERVER, REDIS_NAME, ACR_NAME or BACKEND_DNS_LABEL).',
    }),
  },
  {
    when: /Max retries exceeded|NewConnectionError|Name or service not known|getaddrinfo|Connection (refused|reset|aborted)|ProxyError|Read timed out|ConnectTimeout|Temporary failure in name resolution/i,
    means: (output) => ({
      what: 'Azure cannot be reached from here',
      said: silenceOf(output),
      next: 'Check the network and HTTPS_PROXY, then run the same line again.',
      exitCode: exitCode.unknown,
    }),
  },
]

/** az says a lost connection in the words of its Python libraries; they stay in the transcript. */
const silences: readonly [RegExp, string][] = [
  [
    /ProxyError|Cannot connect to proxy|Tunnel connection failed/i,
    'the proxy (HTTPS_PROXY) does not answer, or lets nothing through',
  ],
  [
    /Name or service not known|getaddrinfo|Temporary failure in name resolution|NameResolutionError/i,
    'its name does not resolve',
  ],
  [/timed out|Timeout/i, 'it does not answer in time'],
  [/refused/i, 'it refuses the connection'],
  [/reset|aborted/i, 'the connection was cut'],
]

function silenceOf(output: string): string {
  const [host] = /[\w.-]+\.(?:azure\.com|microsoftonline\.com|azurecr\.io|windows\.net)/.exec(output) ?? []
  const why = silences.find(([when]) => when.test(output))?.[1] ?? 'there is no connection'
  return host ? `${host}: ${why}` : why
}
