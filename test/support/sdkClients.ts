import { getCACertificates, setDefaultCACertificates } from 'node:tls'
import { ContainerInstanceManagementClient } from '@azure/arm-containerinstance'
import { ContainerRegistryManagementClient } from '@azure/arm-containerregistry'
import { PostgreSQLManagementFlexibleServerClient } from '@azure/arm-postgresql-flexible'
import { RedisEnterpriseManagementClient } from '@azure/arm-redisenterprisecache'
import { ResourceManagementClient } from '@azure/arm-resources'

export interface SdkOptions {
  subscription: string
  /** What the Authorization header carries. */
  token: string
  /** The emulator's CONNECT proxy. */
  proxyUrl: string
  /** PEM of the authority that the emulator's certificates are from. */
  authority: string
}

/** Microsoft's clients of the emulated Azure. Nothing is retried, so that every refusal shows. */
export function createSdkClients({ subscription, token, proxyUrl, authority }: SdkOptions) {
  // With a proxy, the SDK ignores its own tlsOptions: proxyPolicy of @typespec/ts-http-runtime.
  setDefaultCACertificates([...getCACertificates('default'), authority])
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }
  const { hostname, port } = new URL(proxyUrl)
  const options = {
    proxyOptions: { host: `http://${hostname}`, port: Number(port) },
    retryOptions: { maxRetries: 0 },
  }
  return {
    resources: new ResourceManagementClient(credential, subscription, options),
    containers: new ContainerInstanceManagementClient(credential, subscription, options),
    postgres: new PostgreSQLManagementFlexibleServerClient(credential, subscription, options),
    redis: new RedisEnterpriseManagementClient(credential, subscription, options),
    registries: new ContainerRegistryManagementClient(credential, subscription, options),
  }
}
