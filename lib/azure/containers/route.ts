import { formatScriptLine } from '../../config/config.ts'
import { ok, type Task, unknown } from '../../tasks/task.ts'
import { exitCode, getMessage, isUnanswered, OpsError } from '../../util/errors.ts'
import type { Azure } from '../client.ts'
import { findHost, groupNames } from '../resources/containerGroups.ts'
import type { BackendProxy } from './actions.ts'

/**
 * Verifies that nginx sends requests to the backend that the release left. A release continues when the VPS does not
 * answer, but nginx may never have been switched to its host, so it must not end as a success.
 */
export function routeTask(
  azure: Pick<Azure, 'groups'>,
  proxy: Pick<BackendProxy, 'target'>,
  [backend, ...others]: readonly [Task, ...Task[]],
): Task {
  return {
    id: 'route',
    title: 'nginx to the backend',
    part: 'together',
    after: [backend, ...others],
    async inspect(ahead) {
      const target = await proxy.target().catch((thrown) => {
        throw unknownRoute(thrown)
      })
      if (ahead.willChange(backend)) return unknown('checked after the release')
      if (target === undefined) return ok('nginx serves no site yet')
      const host = findHost((await azure.groups()).find(({ name }) => name === groupNames.backend))
      if (target === host) return ok(`it sends /api/ to ${host}`)
      throw new OpsError({
        what: `It sends /api/ to ${target}, not to the backend`,
        next: 'Run this command again: it switches nginx.',
      })
    },
  }
}

const unknownRoute = (thrown: unknown): OpsError =>
  new OpsError({
    what: `It is unknown whether nginx sends requests to the backend, because the VPS ${isRefused(thrown) ? 'refuses the login' : 'does not answer'}`,
    said: getMessage(thrown),
    next: `Make the VPS reachable (${formatScriptLine('doctor', '--only', 'login')}), then run this command again. As long as there is no VPS, use: ${formatScriptLine('deploy-complete', '--skip-ionos')}`,
    exitCode: isRefused(thrown) ? exitCode.notLoggedIn : exitCode.unknown,
  })

const isRefused = (thrown: unknown): boolean =>
  isUnanswered(thrown) && thrown.exitCode === exitCode.notLoggedIn
