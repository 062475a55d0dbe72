import type { Config } from '../../config/config.ts'
import type { Runner } from '../../shell/runner.ts'
import { type Failure, getMessage, OpsError } from '../../util/errors.ts'
import { truncate } from './alert.ts'
import { post, resolveAddress } from './post.ts'

/** Maximum characters of a ping's body; healthchecks.io stores 100 kB. */
const bodyLimit = 10_000

/**
 * Signals the start or the end of a run to the dead man's switch (HEALTH_PING_URL): POST to URL/start, or to
 * URL/<exit code> with the line as body, as healthchecks.io documents. Does not throw: returns the failure, or undefined
 * on success or when no switch is configured.
 */
export async function ping(
  { config, runner }: { config: Config; runner: Runner },
  signal: 'start' | number,
  line = '',
): Promise<Failure | undefined> {
  const { pingUrl } = config.health
  if (!pingUrl.given) return undefined
  const { clean } = runner.secrets
  try {
    const base = await resolveAddress(pingUrl, runner)
    const url = new URL(base)
    url.pathname = `${base.pathname.replace(/\/+$/, '')}/${signal}`
    const sent = truncate(clean(line), bodyLimit)
    const { body } = await post(runner, url, sent, 'text/plain; charset=utf-8', pingUrl.key)
    // healthchecks.io reports "OK (not found)" and "OK (rate limited)" with status 200.
    const remark = /^OK \((.+)\)\s*$/.exec(body)?.[1]
    if (remark === undefined) return undefined
    throw new OpsError({ what: `${url.host} answered: ${truncate(remark, 100)}` })
  } catch (thrown) {
    const failure: Failure = thrown instanceof OpsError ? thrown.failure : { what: getMessage(thrown) }
    return {
      ...failure,
      what: clean(`The dead man's switch could not be pinged (${signal}): ${failure.what}`),
      next: clean(failure.next ?? `Check ${pingUrl.key} in ${pingUrl.file}.`),
    }
  }
}
