import type { HttpRequest, HttpResponse } from '../net/http.ts'
import type { Context } from '../tasks/task.ts'
import { once } from '../util/concurrency.ts'
import { getMessage, OpsError, unknownError } from '../util/errors.ts'
import { az } from './cli.ts'
import { explainAz } from './errors.ts'

export type Arm = ReturnType<typeof openArm>

/** See `az account get-access-token --help`. */
export const accessCommand = (subscription: string) =>
  az({ accept: [0] })`
    account get-access-token --resource https://management.azure.com/
    ${subscription !== '' && ['--subscription', subscription]}`

export const armRequest = (
  path: string,
  query: Readonly<Record<string, string>>,
  token: string,
): HttpRequest => ({
  method: 'GET',
  url: `https://management.azure.com${path}?${new URLSearchParams(query)}`,
  effect: 'read',
  as: 'az',
  often: true,
  headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
  timeoutMs: 30_000,
})

/**
 * Reads from ARM by direct requests, with az's login and network settings. For repeated reads: a call of az
 * takes most of a second, and a whole core.
 * @param wanted aborted as soon as the answer is no longer needed
 */
export function openArm({ config, runner }: Context, wanted: AbortSignal) {
  async function logIn() {
    const { stdout } = await runner.runPrivately(accessCommand(config.azure.subscription))
    const answer = JSON.parse(stdout) as { accessToken: string; subscription: string }
    runner.secrets.add(answer.accessToken)
    return answer
  }
  let access = once(logIn)

  async function get(path: string, query: Readonly<Record<string, string>>): Promise<HttpResponse> {
    const { accessToken } = await access.get()
    return runner.request(armRequest(path, query, accessToken), wanted).catch((thrown) => {
      throw unknownError(
        'Azure cannot be reached from here',
        getMessage(thrown),
        'Check the network and HTTPS_PROXY, then run this command again.',
      )
    })
  }

  return {
    subscription: async () => (await access.get()).subscription,
    /**
     * Reads a path below management.azure.com; undefined when it does not exist. Throws exit 3 (unreachable,
     * or temporarily unable to answer), 4 (not logged in), 1 (refused).
     */
    async get<Body>(path: string, query: Readonly<Record<string, string>>): Promise<Body | undefined> {
      let answer = await get(path, query)
      if (answer.status === 401) {
        // A token is valid for about an hour; az provides a fresh one.
        access = once(logIn)
        answer = await get(path, query)
      }
      if (answer.status === 404) return undefined
      if (answer.status === 200) return JSON.parse(answer.body) as Body
      throw refused(answer)
    },
  }
}

function refused({ status, body }: HttpResponse): OpsError {
  let said = body.slice(0, 500)
  try {
    const { code, message } = (JSON.parse(body) as { error: { code: string; message: string } }).error
    said = `${code}: ${message}`
  } catch {
    // A proxy in between answers with its own page.
  }
  if (status === 429 || status >= 500 || status === 409) {
    return unknownError(
      `Azure cannot answer now (${status})`,
      said,
      'Run this command again in a few minutes.',
    )
  }
  const meaning = explainAz(status === 401 ? `az login: ${said}` : said)
  return new OpsError({ what: `Azure refuses (${status})`, said, ...meaning })
}
