import { type Config, formatAzLine, formatKeyFile } from '../config/config.ts'
import type { KeyName } from '../config/schema.ts'
import { joinToPaste } from '../shell/quote.ts'
import { type Judged, judgedFailure, worstVerdict } from '../util/verdict.ts'
import { anotherName } from './advice.ts'
import type { Asking, AzureResource, DataTierResource } from './resources/resource.ts'

/* What Azure says beforehand about resources that are to be created. Each missing answer is UNKNOWN. */

interface Provider {
  registrationState: string
  resourceTypes?: { resourceType: string; locations?: string[] }[]
}

interface PolicyAssignment {
  name: string
  properties: {
    enforcementMode?: string
    parameters?: { listOfAllowedLocations?: { value?: string[] } }
  }
}

interface Region {
  name: string
  metadata?: { regionType?: string; geographyGroup?: string }
}

const mostRegions = 5
/** How many regions are queried at a time. */
const regionsAtOnce = 10

/**
 * Judges whether the subscription is registered for these providers; until it is, Azure creates none of their
 * resources.
 */
export const judgeProviders = async (asking: Asking, namespaces: readonly string[]): Promise<Judged> =>
  combine(
    await attempt('the registered providers', async () => [await judgeRegistration(asking, namespaces)]),
  )

async function judgeRegistration(asking: Asking, namespaces: readonly string[]): Promise<Judged> {
  const read = openReader(asking)
  const needed = [...new Set(namespaces)]
  const states = await Promise.all(
    needed.map(async (namespace) => ({
      namespace,
      state: (await read.provider(namespace))?.registrationState ?? 'unknown to Azure',
    })),
  )
  const missing = states.filter(({ state }) => state !== 'Registered')
  if (missing.length === 0) return { verdict: 'OK', detail: `all ${needed.length}` }
  const lines = missing.map(({ namespace }) =>
    formatAzLine(`az provider register --namespace ${namespace} --wait`),
  )
  return {
    verdict: 'CRITICAL',
    detail: missing.map(({ namespace, state }) => `${namespace} is ${state}`).join(', '),
    next: joinToPaste(lines),
  }
}

/** Judges whether this subscription may create these resources in their regions; if not, names regions where it may. */
export async function judgeRegions(asking: Asking, resources: readonly AzureResource[]): Promise<Judged> {
  const { config } = asking
  const read = openReader(asking)
  const judged = await Promise.all(
    resources.map(async (resource) => ({
      resource,
      answers: await judgeRegion(asking, read, resource, resource.location(config)),
    })),
  )
  const answers = judged.flatMap((each) => each.answers)
  const refused = judged.filter((each) => worstVerdict(each.answers) === 'CRITICAL')
  if (refused.length === 0) return combine(answers, `${describe(config, resources)}: allowed`)
  const moves = getMoves(
    config,
    resources,
    refused.map(({ resource }) => resource),
  )
  const advice = await Promise.all(
    moves.map(async ([key, moving]) => adviseRegion(key, await findRegions(asking, read, moving))),
  )
  const { verdict, detail, next } = combine(answers)
  return { verdict, detail, next: [...advice, ...(next ? [next] : [])].join(' ') }
}

/** Judges whether the names that must be unique in all of Azure are free. */
export async function judgeNames(asking: Asking, resources: readonly AzureResource[]): Promise<Judged> {
  const asked = resources.filter((each): each is DataTierResource => 'checksName' in each)
  const answers = await Promise.all(
    asked.map((each) =>
      attempt(`the name ${each.name(asking.config)}`, async () => [await judgeName(asking, each)]),
    ),
  )
  return combine(answers.flat())
}

async function judgeName({ config, arm, subscription }: Asking, resource: DataTierResource): Promise<Judged> {
  const { title, provider, type, apiVersion, keys, nameStaysTaken } = resource
  const name = resource.name(config)
  const answer = await arm.post<{ nameAvailable?: boolean; reason?: string; message?: string }>(
    `/subscriptions/${subscription}/providers/${provider}/checkNameAvailability`,
    { 'api-version': apiVersion },
    { name, type: `${provider}/${type}` },
  )
  if (answer?.nameAvailable === true) return ok(`${name} is free`)
  if (answer?.nameAvailable !== false) throw new Error('there is no answer')
  return {
    verdict: 'CRITICAL',
    detail: `${title}: the name ${name} is ${answer.reason === 'Invalid' ? 'not allowed' : 'taken'} (${answer.message})`,
    next: anotherName(keys.name, nameStaysTaken),
  }
}

/** Names resources by their region, as in `Container registry and Redis in eastus, PostgreSQL server in westus3`. */
export const describe = (config: Config, resources: readonly AzureResource[]): string =>
  [...Map.groupBy(resources, (resource) => resource.location(config))]
    .map(([region, some]) => `${some.map(({ title }) => title).join(', ')} in ${region}`)
    .join('; ')

/** Reads each answer once. */
function openReader({ arm, subscription }: Asking) {
  const answers = new Map<string, Promise<unknown>>()
  function get<Body>(path: string, query: Readonly<Record<string, string>>): Promise<Body | undefined> {
    const answer = answers.get(path) ?? arm.get<Body>(`/subscriptions/${subscription}/${path}`, query)
    answers.set(path, answer)
    return answer as Promise<Body | undefined>
  }
  return {
    provider: (namespace: string) => get<Provider>(`providers/${namespace}`, { 'api-version': '2021-04-01' }),
    /** The regions that Azure itself allows to this subscription; undefined means all. */
    async allowedRegions(): Promise<string[] | undefined> {
      const query = { 'api-version': '2022-06-01', $filter: 'atScope()' }
      const path = 'providers/Microsoft.Authorization/policyAssignments'
      const found = await get<{ value: PolicyAssignment[] }>(path, query)
      const own = found?.value.find(({ name }) => name === 'sys.regionrestriction')?.properties
      if (own?.enforcementMode === 'DoNotEnforce') return undefined
      return own?.parameters?.listOfAllowedLocations?.value?.map(toName)
    },
    /** Every region: this one, then those in the same part of the world. */
    async regionsNear(region: string): Promise<string[]> {
      const all = (await get<{ value: Region[] }>('locations', { 'api-version': '2022-12-01' }))?.value ?? []
      const world = all.find(({ name }) => name === region)?.metadata?.geographyGroup
      const getNearness = ({ name, metadata }: Region) =>
        Number(name === region) + Number(metadata?.geographyGroup === world)
      return all
        .filter(({ metadata }) => metadata?.regionType === 'Physical')
        .sort((a, b) => getNearness(b) - getNearness(a))
        .map(({ name }) => name)
    },
  }
}

type Reader = ReturnType<typeof openReader>

/** `East US` is `eastus`. */
const toName = (shown: string): string => shown.replaceAll(' ', '').toLowerCase()

const ok = (detail: string): Judged => ({ verdict: 'OK', detail })

/** What cannot be read is UNKNOWN: only an answer refuses something. */
export async function attempt(what: string, ask: () => Promise<Judged[]>): Promise<Judged[]> {
  try {
    return await ask()
  } catch (thrown) {
    const { detail, next } = judgedFailure(thrown)
    return [{ verdict: 'UNKNOWN', detail: `Could not ask Azure about ${what}: ${detail}`, next }]
  }
}

async function judgeRegion(
  asking: Asking,
  read: Reader,
  resource: AzureResource,
  region: string,
): Promise<Judged[]> {
  const { title, provider, type } = resource
  const [offered, allowed] = await Promise.all([
    attempt(`${title} in ${region}`, async () => {
      const types = (await read.provider(provider))?.resourceTypes
      const locations = types?.find(({ resourceType }) => toName(resourceType) === toName(type))?.locations
      if (!locations) throw new Error(`no regions of ${provider}/${type}`)
      if (locations.map(toName).includes(region)) return []
      return [{ verdict: 'CRITICAL', detail: `Azure does not offer ${provider}/${type} in ${region}` }]
    }),
    attempt('the regions of this subscription', async () => {
      const regions = await read.allowedRegions()
      if (!regions || regions.includes(region)) return []
      const detail = `Azure does not allow this subscription to deploy in ${region} (policy assignment sys.regionrestriction)`
      return [{ verdict: 'CRITICAL', detail }]
    }),
  ])
  const first = [...offered, ...allowed]
  if (!resource.judgeRegion || first.some(({ verdict }) => verdict === 'CRITICAL')) return first
  return [...first, ...(await attempt(`${title} in ${region}`, () => resource.judgeRegion!(asking, region)))]
}

/** The keys whose region was refused, each with every resource that it moves. */
function getMoves(
  config: Config,
  resources: readonly AzureResource[],
  refused: readonly AzureResource[],
): [KeyName, AzureResource[]][] {
  const main = 'AZURE_LOCATION'
  const follows = (each: AzureResource) => each.location(config) === config.azure.location
  const all = refused.some(({ keys }) => keys.location === main)
  const keyOf = (each: AzureResource) => (all && follows(each) ? main : each.keys.location)
  return [...new Set(refused.map(keyOf))].map((key) => [key, resources.filter((each) => keyOf(each) === key)])
}

/** Up to five regions that accept all of these, those near the containers first. */
async function findRegions(
  asking: Asking,
  read: Reader,
  resources: readonly AzureResource[],
): Promise<string[]> {
  const found: string[] = []
  const left = await read.regionsNear(asking.config.azure.location).catch(() => [])
  while (left.length > 0 && found.length < mostRegions) {
    const some = left.splice(0, regionsAtOnce)
    const open = await Promise.all(
      some.map(async (region) => {
        const answers = await Promise.all(resources.map((each) => judgeRegion(asking, read, each, region)))
        return answers.flat().every(({ verdict }) => verdict === 'OK')
      }),
    )
    found.push(...some.filter((_, index) => open[index]))
  }
  return found.slice(0, mostRegions)
}

function adviseRegion(key: KeyName, regions: readonly string[]): string {
  const which = regions.length === 0 ? 'another region' : `a region that allows it: ${regions.join(', ')}`
  const follow =
    key === 'AZURE_LOCATION'
      ? '; POSTGRES_LOCATION and REDIS_LOCATION follow it unless they are set, and what exists already cannot move'
      : ''
  return `Set ${key} in ${formatKeyFile(key)} to ${which}${follow}.`
}

/** The worst verdict with everything that is not OK, each reported once. */
export function combine(
  answers: readonly Judged[],
  well = answers.map(({ detail }) => detail).join(', '),
): Judged {
  const open = answers.filter(({ verdict }) => verdict !== 'OK')
  if (open.length === 0) return ok(well)
  const nexts = new Set(open.flatMap(({ next }) => next ?? []))
  return {
    verdict: worstVerdict(open),
    detail: [...new Set(open.map(({ detail }) => detail))].join('; '),
    next: nexts.size > 0 ? [...nexts].join(' ') : undefined,
  }
}
