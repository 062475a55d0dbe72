import { ok, type Task, type VpsContext } from '../tasks/task.ts'
import { formatCount } from '../util/format.ts'
import { acmeRoot, remoteScript, renewalHook } from './remote/vps.ts'
import { inspectServer, invalidateServerState, type ServerState } from './serverState.ts'

/** Removes the site from the VPS. Packages, other sites, receipts and marks stay. */
export function removeSiteTask(
  context: VpsContext,
  { after, stays }: { after: readonly (Task | undefined)[]; stays: string | undefined },
): Task {
  const { config, server } = context
  return {
    id: 'remove-site',
    title: `Site ${config.domain} on the VPS`,
    part: 'ionos',
    after,
    async inspect() {
      if (stays) return ok(stays)
      const there = listSiteParts(await inspectServer(context))
      if (there.length === 0) return ok('nothing of it exists')
      const args = [config.domain, config.ionos.webRoot, acmeRoot, renewalHook]
      const effects = [remoteScript(server, 'change', 'remove', args)]
      return { state: 'change', what: `delete ${there.join(', ')}`, effects }
    },
    always: () => invalidateServerState(context),
  }
}

export function listSiteParts(state: ServerState): string[] {
  const { releases, nginx, certificate, web } = state
  return [
    ...(nginx.current || nginx.site ? ['nginx configuration'] : []),
    ...(certificate.lineage ? ['certificate'] : []),
    ...(web.releases ? [`${formatCount(releases.length, 'release')} of the pages`] : []),
    ...(web.status ? ['status page'] : []),
  ]
}
