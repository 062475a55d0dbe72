import { readFileSync } from 'node:fs'
import path from 'node:path'
import { templateParameters } from '../../lib/azure/dataTier.ts'
import type { Config } from '../../lib/config/config.ts'
import type { HttpRequest, HttpResponse } from '../../lib/net/http.ts'
import { arm } from '../../rehearsal/azure/arm.ts'
import { errorReply } from '../../rehearsal/azure/errors.ts'
import type { Reply } from '../../rehearsal/azure/http.ts'
import { issueToken } from '../../rehearsal/azure/login.ts'
import { resourceTypes } from '../../rehearsal/azure/providers.ts'
import type { ResourceType } from '../../rehearsal/azure/types.ts'
import { createWorld, type World } from '../../rehearsal/azure/world.ts'
import { home } from './helpers.ts'

/** Throws when a machine is requested: a unit test covers only the emulator's rules. */
const noMachine = (): never => {
  throw new Error('A unit test starts no machine of the rehearsal.')
}

/** The emulated cloud with one resource group, `rg` in eastus, and no machines behind it. */
export function createEmptyWorld(types: ResourceType[] = resourceTypes): World {
  const world = createWorld({
    types,
    folder: '/nonexistent',
    roots: { builder: '/nonexistent', images: '/nonexistent', servers: '/nonexistent' },
    network: {
      bridge: 'none',
      host: '10.213.0.1',
      toIpv6: noMachine,
      allocate: noMachine,
      release: noMachine,
      plug: noMachine,
      cut: noMachine,
      stop: noMachine,
    },
    dns: { address: '10.213.0.1', set: noMachine, remove: noMachine },
    authority: { certificate: '', certificateFile: '', issue: noMachine },
    latency: 'none',
    subscription: { id: '00000000-0000-0000-0000-000000000001', name: 'Rehearsal', tenant: 'tenant' },
    servicePrincipal: { id: 'principal', secret: 'secret' },
  })
  world.groups.set('rg', { name: 'rg', location: 'eastus', tags: {}, deleting: false })
  return world
}

/** The types without what would start or change a real program. */
export const idleTypes: ResourceType[] = resourceTypes.map((type) => ({ ...type, apply: async () => {} }))

/** Asks ARM for a path below the subscription, as a logged-in client. */
export function askArm(
  world: World,
  method: string,
  path: string,
  version: string,
  body?: object,
): Promise<Reply> {
  return arm(world, {
    method,
    host: 'management.azure.com',
    path: `/subscriptions/${world.subscription.id}${path}`,
    query: new URLSearchParams({ 'api-version': version }),
    headers: { authorization: `Bearer ${issueToken(world, 'management')}` },
    body: Buffer.from(body ? JSON.stringify(body) : ''),
  })
}

/** The body of a deployment of infra/data-tier.json, as ARM takes it. */
export function createDataTierDeployment(
  config: Config,
  configuration: string,
  postgresCreateMode = 'Default',
) {
  const template: Record<string, unknown> = JSON.parse(
    readFileSync(path.join(home, 'infra', 'data-tier.json'), 'utf8'),
  )
  const given = {
    ...templateParameters(config),
    ...{ configuration, operatorAddress: '198.51.100.7', postgresPassword: 'Gr8-password' },
    postgresCreateMode,
  }
  const parameters = Object.fromEntries(Object.entries(given).map(([key, value]) => [key, { value }]))
  return { properties: { mode: 'Incremental' as const, template, parameters } }
}

/** Answers a request of the product to ARM, and lets Microsoft's models judge both. */
export async function answerRequest(
  world: World,
  { method, url, body = '' }: Pick<HttpRequest, 'method' | 'url' | 'body'>,
): Promise<HttpResponse> {
  const { host, pathname: path, searchParams: query } = new URL(url)
  const headers = { authorization: `Bearer ${issueToken(world, 'management')}` }
  const reply = await arm(world, { method, host, path, query, headers, body: Buffer.from(body) }).catch(
    errorReply,
  )
  const request: unknown = body === '' ? undefined : JSON.parse(body)
  world.judge.see({ method, path, request, status: reply.status, answer: reply.body })
  return { status: reply.status, headers: {}, body: JSON.stringify(reply.body), phases: { total: 1 } }
}
