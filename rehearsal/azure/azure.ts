import { mkdirSync } from 'node:fs'
import type { Dns } from '../dns.ts'
import { arm } from './arm.ts'
import { blobs } from './blobs.ts'
import { type Controls, openControlServer } from './controlServer.ts'
import { errorReply } from './errors.ts'
import { applyFaults } from './faults.ts'
import type { Call, Reply } from './http.ts'
import { createIonosDns, type IonosDnsOptions } from './ionosDns.ts'
import { login } from './login.ts'
import { packageIndex, packageIndexHost } from './packageIndex.ts'
import { retailPrices } from './prices.ts'
import { resourceTypes } from './providers.ts'
import { type Hosts, openGateway } from './proxy.ts'
import { publicAddress } from './publicAddress.ts'
import { publicRegistries, publicRegistry } from './publicRegistries.ts'
import { registryApi } from './registryApi.ts'
import { deleteResource } from './resources.ts'
import { createWorld, type World, type WorldParts } from './world.ts'

export interface AzureOptions extends Omit<WorldParts, 'types'> {
  dns: Dns
  /** If set, api.hosting.ionos.com answers, too. */
  ionosDns?: IonosDnsOptions
  /** What else the control interface of the tests can reach. */
  controls?: Controls
}

export interface Azure {
  /** For `HTTPS_PROXY` of the real `az`, which also needs `REQUESTS_CA_BUNDLE` with the authority's certificate. */
  proxyUrl: string
  /** The tests' control, on loopback (controlServer.ts). */
  controlUrl: string
  stop(): Promise<void>
}

/** Hosts that clients reach by name, without the proxy. */
const namedHosts = ['api.ipify.org', 'prices.azure.com', 'api.hosting.ionos.com']

/** management.azure.com, whose every request and answer the judge sees. */
export async function judgedArm(world: World, call: Call): Promise<Reply> {
  const reply = await applyFaults(world)
    .then(() => arm(world, call))
    .catch(errorReply)
  const { method, path } = call
  world.judge.see({ method, path, request: readJson(call.body), status: reply.status, answer: reply.body })
  return reply
}

function readJson(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined // nothing, or what the emulator itself refuses
  }
}

async function getHosts(world: World, options: AzureOptions): Promise<Hosts> {
  const hosts: Hosts = {
    'login.microsoftonline.com': (call) => login(world, call),
    'management.azure.com': (call) => judgedArm(world, call),
    '*.azurecr.io': (call) => registryApi(world, call),
    '*.blob.core.windows.net': (call) => blobs(world, call),
    'api.ipify.org': (call) => publicAddress(world, call),
    'prices.azure.com': (call) => retailPrices(call),
    [packageIndexHost]: packageIndex,
  }
  for (const host of publicRegistries) hosts[host] = (call) => publicRegistry(world, call)
  if (options.ionosDns) hosts['api.hosting.ionos.com'] = await createIonosDns(options.dns, options.ionosDns)
  return hosts
}

async function removeEverything(world: World): Promise<void> {
  // Resources still being created would appear after their own removal; skip the emulated waiting times.
  world.latency = 'none'
  await Promise.all([...world.operations.values()].map(({ done }) => done))
  const tops = [...world.resources.values()].filter((each) => !each.name.includes('/'))
  await Promise.all(tops.map((each) => deleteResource(world, each).done))
}

/**
 * Starts the Azure of the rehearsal: sign-in, Azure Resource Manager, container registry, build uploads and a few public
 * services, answered to the real `az` through a proxy, with real servers and processes behind the resources.
 * Needs root. Throws what the network, the DNS server or port 443 of the network's host refuses.
 */
export async function startAzure(options: AzureOptions): Promise<Azure> {
  mkdirSync(options.folder, { recursive: true, mode: 0o700 })
  const world = createWorld({ ...options, types: resourceTypes })
  const hosts = await getHosts(world, options)
  const gateway = await openGateway(world, hosts)
  const named = namedHosts.filter((host) => hosts[host])
  for (const host of named) await options.dns.set(host, [options.network.host])
  const control = await openControlServer(world, options.controls)
  return {
    proxyUrl: gateway.proxyUrl,
    controlUrl: control.url,
    async stop() {
      await control.stop()
      await gateway.stop()
      await removeEverything(world)
      for (const host of named) await options.dns.remove(host)
    },
  }
}
