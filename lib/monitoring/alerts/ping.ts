import type { Config } from '../../config/config.ts'
import type { Runner } from '../../shell/runner.ts'
import { type Failure, OpsError } from '../../util/errors.ts'
import { truncate } from './alert.ts'
import { post, resolveAddress } from './post.ts'

type PingContext = { config: Config; runner: Runner }

/** Maximum characters of a ping's body; healthchecks.io stores 100 kB. */
const bodyLimit = 10_000

/**
 * Signals the start of a run to the dead man's switch (HEALTH_PING_URL): POST to URL/start, as healthchecks.io
 * documents. Does not throw: returns the failure, or undefined on success or when no switch is configured.
 */
export const pingStart = (context: PingContext): Promise<Failure | undefined> => ping(context, 'start', '')

/** Signals the end of a run: POST to URL/<exit code> with the line as body. Otherwise like `pingStart`. */
export const pingEnd = (context: PingContext, exitCode: number, line: string): Promise<Failure | undefined> =>
  ping(context, String(exitCode), line)

async function ping(
  { config, runner }: PingContext,
  end: string,
  line: string,
): Promise<Failure | undefined> {
  const { pingUrl } = config.health
  if (!pingUrl.given) return undefined
  const { clean } = runner.secrets
  try {
    const base = await resolveAddress(pingUrl, runner)
    const url = new URL(base)
    url.pathname = `${base.pathname.replace(/\/+$/, '')}/${end}`
    const { body } = await post(
      runner,
      url,
      truncate(clean(line), bodyLimit),
      'text/plain; charset=utf-8',
      pingUrl.key,
    )
    // healthchecks.io reports "OK (not found)" and "OK (rate limited)" with status 200.
    const remark = /^OK \((.+)\)\s*$/.exec(body)?.[1]
    if (remark === undefined) return undefined
    throw new OpsError({ what: `${url.host} answered: ${truncate(remark, 100)}` })
  } catch (thrown) {
    const failure =
      thrown instanceof OpsError ? thrown.failure : { what: String((thrown as Error).message ?? thrown) }
    return {
      ...failure,
      what: clean(`The dead man's switch could not be pinged (${end}): ${failure.what}`),
      next: clean(failure.next ?? `Check ${pingUrl.key} in ${pingUrl.file}.`),
    }
  }
}
