import type { Config } from '../config/config.ts'
import type { Context } from '../tasks/context.ts'
import { ok, type Task } from '../tasks/task.ts'
import { formatCount } from '../util/format.ts'
import { hookFile } from './certificate/task.ts'
import { acmeRoot } from './packages.ts'
import { remoteScript } from './remote/script.ts'
import { inspectServer, invalidateServerState, type ServerState } from './serverState.ts'

/** Takes the site off the VPS. Packages, other sites, receipts and marks stay. */
export function removeSiteTask(
  context: Context,
  { after, stays }: { after: readonly (Task | undefined)[]; stays: string | undefined },
): Task {
  const { config } = context
  return {
    id: 'remove-site',
    title: `Site ${config.domain} on the VPS`,
    part: 'ionos',
    after,
    async inspect() {
      if (stays) return ok(stays)
      const there = listSiteParts(await inspectServer(context))
      if (there.length === 0) return ok('nothing of it is there')
      return { state: 'change', what: `delete ${there.join(', ')}`, effects: [removeSiteCommand(config)] }
    },
    always: () => invalidateServerState(context),
  }
}

/** What of the site is there, in words. */
export function listSiteParts(state: ServerState): string[] {
  const { releases, nginx, certificate, web } = state
  return [
    ...(nginx.current || nginx.site ? ['nginx configuration'] : []),
    ...(certificate.lineage ? ['certificate'] : []),
    ...(web.releases ? [`${formatCount(releases.length, 'release')} of the pages`] : []),
    ...(web.status ? ['status page'] : []),
  ]
}

export const removeSiteCommand = (config: Config) =>
  remoteScript(config, 'change', 'remove', [config.domain, config.ionos.webRoot, acmeRoot, hookFile])
