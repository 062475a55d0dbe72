import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'

/** The secrets of a rehearsal; new each time. */
export interface Secrets {
  postgresPassword: string
  appSecretKey: string
  /** `<prefix>.<secret>`. Not in the environment file: without it the rehearsal's DNS is only checked. */
  ionosDnsKey: string
  azure: {
    subscription: { id: string; name: string; tenant: string }
    servicePrincipal: { id: string; secret: string }
  }
}

export const createSecrets = (): Secrets => ({
  // Upper case, lower case, digit and other, as Azure requires, including characters that break URLs and
  // shells.
  postgresPassword: `Aa1'%$ ${randomBytes(12).toString('base64url')}`,
  appSecretKey: randomBytes(32).toString('hex'),
  ionosDnsKey: `${randomBytes(16).toString('hex')}.${randomBytes(32).toString('base64url')}`,
  azure: {
    subscription: { id: randomUUID(), name: 'Rehearsal', tenant: randomUUID() },
    servicePrincipal: { id: randomUUID(), secret: randomBytes(24).toString('hex') },
  },
})

const example = path.join(import.meta.dirname, '..', '.env.example')

/**
 * The `.env.rehearsal` that makes the ordinary scripts run against the rehearsal. It sets every key of
 * .env.example, so that nothing of the operator's own .env applies.
 */
export function renderEnvironment(clouds: {
  folder: string
  secrets: Secrets
  vpsAddress: string
  dnsServer: string
  acmeServer: string
  proxyUrl: string
  /** Two HOST:PORT. */
  neutralTargets: readonly string[]
}): string {
  const { folder, secrets } = clouds
  const values: Record<string, string> = {
    AZURE_SUBSCRIPTION: secrets.azure.subscription.id,
    POSTGRES_PASSWORD: `"${secrets.postgresPassword}"`,
    // Debian 12's PostgreSQL is what runs behind the rehearsal's API.
    POSTGRES_VERSION: '15',
    APP_SECRET_KEY: secrets.appSecretKey,
    HEALTHY_WITHIN_SECONDS: '60',
    IONOS_HOST: clouds.vpsAddress,
    IONOS_SSH_KEY: path.join(folder, 'id_ed25519'),
    IONOS_KNOWN_HOSTS: path.join(folder, 'known_hosts'),
    ACME_SERVER: clouds.acmeServer,
    HEALTH_NEUTRAL_TARGETS: clouds.neutralTargets.join(),
    DNS_SERVER: clouds.dnsServer,
    CA_FILE: path.join(folder, 'trusted.pem'),
    HTTPS_PROXY: clouds.proxyUrl,
    NO_PROXY: '127.0.0.1,localhost',
    REQUESTS_CA_BUNDLE: path.join(folder, 'azure-ca.pem'),
    AZURE_CONFIG_DIR: path.join(folder, 'az'),
    STATE_DIR: path.join(folder, 'state'),
  }
  const lines = readFileSync(example, 'utf8')
    .split('\n')
    .map((line) => {
      const key = /^([A-Z0-9_]+)=/.exec(line)?.[1]
      return key && key in values ? `${key}=${values[key]}` : line
    })
  return lines.join('\n')
}
