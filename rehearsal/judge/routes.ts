import type { Bodies, ResourceType } from '../azure/types.ts'
import own from './armModels.json' with { type: 'json' }

/** Which of Microsoft's models (ids in models.jsonl) a request and its answer belong to. */
export interface Route extends Bodies {
  methods: string[]
  /** Matches the path without the subscription and the resource group, in lower case. */
  path: RegExp
}

/** Models of one module below `azure.mgmt`, and the addresses that they belong to. */
interface Section {
  module: string
  /** By methods and path, which begins after the subscription and the resource group, in lower case. See getPattern. */
  paths: Record<string, Bodies>
  /** Models that belong to no address, such as the form of every refusal. */
  also?: string[]
}

/** What belongs to Azure Resource Manager itself, or to any resource. */
const armModels = own as Section[]

type Types = readonly Pick<ResourceType, 'type' | 'models'>[]

/** The beginning of the ids of a module's models: `containerregistry` for `containerregistry.v2025_03_01_preview`. */
export const getPrefix = (module: string): string =>
  module
    .replace(/\.v\d.*$/, '')
    .split('.')
    .at(-1)!

/** In a path, `*` stands for any one name and `**` for any number of them. */
const getPattern = (path: string): RegExp =>
  new RegExp(`^${path.replaceAll(/\*+/g, (stars) => (stars === '*' ? '[^/]+' : '.*'))}$`)

/** A resource is written and read as one model, changed and listed in others. */
function createSection({ type, models }: Types[number]): Section {
  const [namespace, ...steps] = type.toLowerCase().split('/')
  const { module, resource, create = resource, patch = resource, list, paths = {} } = models
  const provider = `/providers/${namespace}`
  const item = `${provider}${steps.map((step) => `/${step}/*`).join('')}`
  const others = Object.entries(paths).map(([place, bodies]) => {
    const [method, path = ''] = place.split(' ')
    return [`${method} ${path.startsWith('/') ? provider : `${item}/`}${path}`, bodies] as const
  })
  return {
    module,
    paths: {
      [`PUT ${item}`]: { request: create, answer: resource },
      [`PATCH ${item}`]: { request: patch, answer: resource },
      [`GET ${item}`]: { answer: resource },
      [`HEAD DELETE ${item}`]: {},
      [`GET ${item.replace(/\/\*$/, '')}`]: { answer: list },
      ...Object.fromEntries(others),
    },
  }
}

function listRoutes({ module, paths }: Section): Route[] {
  const toId = (name: string) => `${getPrefix(module)}.${name}`
  return Object.entries(paths).map(([place, bodies]) => {
    const words = place.split(' ')
    const ids = Object.entries(bodies).map(([side, name]: [string, string]) => [side, toId(name)])
    return { methods: words.slice(0, -1), path: getPattern(words.at(-1)!), ...Object.fromEntries(ids) }
  })
}

export const createRoutes = (types: Types): Route[] =>
  [...types.map(createSection), ...armModels].flatMap(listRoutes)

/** The first route that fits. */
export function findRoute(routes: readonly Route[], method: string, path: string): Route | undefined {
  const whole = `/${path.toLowerCase().split('/').filter(Boolean).join('/')}`
  const within = whole.replace(/^\/subscriptions\/[^/]+(\/resourcegroups\/[^/]+)?(?=\/)/, '')
  return routes.find((route) => route.methods.includes(method) && route.path.test(within))
}

const listNames = (paths: Record<string, Bodies> = {}): string[] =>
  Object.values(paths).flatMap(Object.values)

/** The models by their modules, in the order in which they are named: first those of the types themselves. */
export function listModels(types: Types): { module: string; names: string[] }[] {
  const named = [
    ...types.map(({ models: { module, paths: _, ...own } }) => ({ module, names: Object.values(own) })),
    ...types.map(({ models: { module, paths } }) => ({ module, names: listNames(paths) })),
    ...armModels.map(({ module, paths, also = [] }) => ({ module, names: [...listNames(paths), ...also] })),
  ]
  const groups = Map.groupBy(named, ({ module }) => module)
  return [...groups].map(([module, parts]) => ({ module, names: parts.flatMap(({ names }) => names) }))
}
