import { type Context, ok, type Task } from '../tasks/task.ts'
import { exitCode, OpsError } from '../util/errors.ts'
import { isAtLeast } from '../util/semver.ts'
import { az, oldestAz } from './cli.ts'

export interface Account {
  /** Subscription id, a UUID. */
  id: string
  name: string
  tenantId: string
  user: string
}

/** Whatever knows which subscription is used. */
export interface Login {
  account(): Promise<Account>
}

/** Checks that az is installed, new enough, logged in, and sees the subscription. */
export const loginTask = (context: Context, account: () => Promise<Account>): Task => ({
  id: 'azure-login',
  title: 'Azure login',
  part: 'prepare',
  async inspect() {
    const version = await azVersion(context)
    if (!isAtLeast(version, oldestAz)) {
      throw new OpsError({
        what: `az ${version} is too old`,
        next: `Install Azure CLI ${oldestAz} or newer (az upgrade, or your package manager).`,
        exitCode: exitCode.usage,
      })
    }
    const { name, user } = await account()
    return ok(`${user}, subscription ${name}, az ${version}`)
  },
})

/** Reads the account of the configuration; throws (exit 4, 2) when there is none. */
export async function readAccount({ config, runner }: Context): Promise<Account> {
  const { subscription } = config.azure
  const { stdout } = await runner.run(
    az({ accept: [0] })`account show ${subscription !== '' && ['--subscription', subscription]}`,
  )
  const { id, name, tenantId, user } = JSON.parse(stdout) as {
    id: string
    name: string
    tenantId: string
    user?: { name?: string }
  }
  return { id, name, tenantId, user: user?.name ?? 'unknown' }
}

export async function azVersion({ runner }: Context): Promise<string> {
  const { stdout } = await runner.run(az({ accept: [0] })`version`)
  return (JSON.parse(stdout) as { 'azure-cli': string })['azure-cli']
}
