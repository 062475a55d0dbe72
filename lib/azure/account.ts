import { noteSubscription } from '../config/config.ts'
import { type Context, ok, type Task } from '../tasks/task.ts'
import { usageError } from '../util/errors.ts'
import { isAtLeast } from '../util/semver.ts'
import { parseAnswer } from './answer.ts'
import { az, oldestAz } from './cli.ts'

export type Account = Awaited<ReturnType<typeof readAccount>>

/** Checks that az is installed, new enough, logged in, and sees the subscription. */
export const loginTask = (context: Context, account: () => Promise<Account>): Task => ({
  id: 'azure-login',
  title: 'Azure login',
  part: 'prepare',
  async inspect() {
    const version = await azVersion(context)
    if (!isAtLeast(version, oldestAz)) throw usageError(`az ${version} is too old`, installHint)
    const { name, user, isPerson } = await account()
    const detail = `${user}, subscription ${name}, az ${version}`
    return ok(isPerson && !isAtLeast(version, withMfa) ? `${detail}; ${describeMissingMfa(version)}` : detail)
  },
})

/** The first az with which Azure's demand for a second factor can be met; sources in docs/azure.md. */
export const withMfa = '2.76.0'

export const describeMissingMfa = (version: string): string =>
  `Azure demands a second factor (MFA) of users for every change, and az ${version} cannot ask for it`

export const installHint = `Install Azure CLI ${oldestAz} or newer (az upgrade, or your package manager).`

/** Reads the configured account; its id is that of the subscription. Throws (exit 4, 2) when there is none. */
export async function readAccount({ config, runner }: Context) {
  const { subscription } = config.azure
  const { stdout } = await runner.run(
    az({ accept: [0] })`account show ${subscription !== '' && ['--subscription', subscription]}`,
  )
  const isAccount = ({ id, name }: Partial<Shown>) => typeof id === 'string' && typeof name === 'string'
  const { id, name, user } = parseAnswer<Shown>(stdout, isAccount)
  noteSubscription(id)
  return { id, name, user: user?.name ?? 'unknown', isPerson: user?.type === 'user' }
}

interface Shown {
  id: string
  name: string
  /** `type` is `user` or `servicePrincipal`. */
  user?: { name?: string; type?: string }
}

export async function azVersion({ runner }: Context): Promise<string> {
  const { stdout } = await runner.run(az({ accept: [0] })`version`)
  const found = parseAnswer<{ 'azure-cli': string }>(stdout, (each) => typeof each['azure-cli'] === 'string')
  return found['azure-cli']
}
