import type { Config } from '../lib/config/config.ts'
import { loadConfig } from '../lib/config/load.ts'
import { startProcess } from '../lib/shell/spawn.ts'
import { OpsError, usageError } from '../lib/util/errors.ts'
import { argv } from './processes.ts'
import type { State } from './rehearsal.ts'

/**
 * A rehearsal has one VPS. The key of a further server would keep the default of .env.example, which may be the address of a
 * real one.
 */
export function requireOneServer({ servers }: Pick<Config, 'servers'>): void {
  const [, ...others] = servers
  if (others.length > 0)
    throw usageError(
      `A rehearsal has one VPS, and the configuration also names ${others.map(({ label }) => label).join(', ')}`,
    )
}

/** The real az logs in as a service principal; its secret is passed through stdin. */
export async function login(name: string, state: State, signal: AbortSignal): Promise<void> {
  const { servicePrincipal, subscription } = state.servicePrincipal
  const config = await loadConfig(process.cwd(), name)
  requireOneServer(config)
  const result = await startProcess(
    argv`
      az login --service-principal --username ${servicePrincipal.id} --password @-
        --tenant ${subscription.tenant} --output none`,
    {
      stdin: servicePrincipal.secret,
      env: {
        ...process.env,
        ...config.network.azEnvironment,
        AZURE_CORE_COLLECT_TELEMETRY: '0',
        AZURE_CORE_LOGIN_EXPERIENCE_V2: 'off',
      },
      timeoutMs: 120_000,
      signal,
    },
  )
  if (result.code !== 0)
    throw new OpsError({ what: 'az could not log in to the rehearsal', said: result.stderr })
}
