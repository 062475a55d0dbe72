import type { Config } from '../../config/config.ts'
import { revealSecret, type Secret } from '../../config/secret.ts'
import { safeUrl, safeUrlMeans } from '../../config/setting.ts'
import type { HttpResponse } from '../../net/http.ts'
import type { Runner } from '../../shell/runner.ts'
import { type Failure, getMessage, OpsError, usageError } from '../../util/errors.ts'
import { formatDuration } from '../../util/format.ts'
import { type Alert, type Channel, deliveryTimeoutMs, RefusedError, toOneLine, truncate } from './alert.ts'

/** Resolves a secret to a URL, and registers its parts, which a server may quote. Throws (exit 2) without the value. */
export async function resolveAddress(secret: Secret, runner: Runner): Promise<URL> {
  const text = await revealSecret(secret, runner)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (!url || !new RegExp(safeUrl).test(url.href))
    throw usageError(
      `${secret.key} is not ${safeUrlMeans}`,
      `Set ${secret.key} in ${secret.file} to the complete address, https://…`,
    )
  for (const part of [url.href, url.pathname.replace(/\/+$/, ''), url.search, url.username, url.password])
    if (part.length > 7) runner.secrets.add(part)
  return url
}

/**
 * Posts a body and returns the answer if its status is 2xx.
 * Otherwise throws an OpsError with the server's message, or a RefusedError when the content was refused. Redirects
 * are not followed, because they would carry the secret along.
 */
export async function post(
  runner: Runner,
  url: URL,
  body: string,
  type: string,
  key: string,
): Promise<HttpResponse> {
  const request = {
    method: 'POST',
    url: url.href,
    headers: { 'content-type': type },
    body,
    timeoutMs: deliveryTimeoutMs,
    effect: 'record',
  } as const
  const answer = await runner.request(request).catch((thrown: Error) => {
    if (thrown.name !== 'TimeoutError' && thrown.name !== 'AbortError') throw thrown
    throw new OpsError({ what: `${url.host} did not answer within ${formatDuration(deliveryTimeoutMs)}` })
  })
  if (answer.status >= 200 && answer.status < 300) return answer
  const said = truncate(toOneLine(answer.body), 200)
  const failure = {
    what: `${url.host} answered ${answer.status}${said ? ` (${said})` : ''}`,
    next: adviceFor(answer.status, key),
  }
  throw isRefusal(answer.status) ? new RefusedError(failure) : new OpsError(failure)
}

/** Bad request, content too large, unprocessable content (RFC 9110, 15.5). */
const isRefusal = (status: number): boolean => [400, 413, 422].includes(status)

function adviceFor(status: number, key: string): string | undefined {
  if (status >= 300 && status < 400)
    return `The address redirects, and secrets are not forwarded: set ${key} to the final address.`
  if (isRefusal(status))
    return `The receiver rejects this message: check that ${key} is the right kind of address.`
  if ([401, 403, 404, 405, 410].includes(status))
    return `The receiver does not know this address: create a new one there and set ${key}.`
  return undefined
}

export const jsonChannel = (
  name: Channel['name'],
  title: string,
  address: Secret,
  createBody: (alert: Alert) => object,
): Channel => ({
  ...{ name, title, key: address.key, file: address.file },
  async deliver(runner, alert) {
    const body = JSON.stringify(createBody(alert))
    await post(runner, await resolveAddress(address, runner), body, 'application/json', address.key)
    return undefined
  },
})

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
    // healthchecks.io answers "OK (not found)" and "OK (rate limited)" with status 200, too.
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
