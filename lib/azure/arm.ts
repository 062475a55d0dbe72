import type { HttpRequest, HttpResponse } from '../net/http.ts'
import type { Context } from '../tasks/task.ts'
import { once } from '../util/concurrency.ts'
import { getMessage, OpsError, unknownError } from '../util/errors.ts'
import { unreachableAdvice } from './advice.ts'
import { az } from './cli.ts'
import { explainAz } from './errors.ts'

export type Arm = ReturnType<typeof openArm>

/** See `az account get-access-token --help`. */
export const accessCommand = (subscription: string) =>
  az({ accept: [0] })`
    account get-access-token --resource https://management.azure.com/
    ${subscription !== '' && ['--subscription', subscription]}`

export const armRequest = (path: string, query: Query, token: string, body?: object): HttpRequest => ({
  method: body ? 'POST' : 'GET',
  url: `https://management.azure.com${path}?${new URLSearchParams(query)}`,
  effect: 'read',
  as: 'az',
  often: true,
  headers: {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    ...(body ? { 'content-type': 'application/json' } : {}),
  },
  ...(body ? { body: JSON.stringify(body) } : {}),
  timeoutMs: 30_000,
})

/**
 * Reads from ARM by direct requests, with az's login and network settings. For repeated reads: an az call takes most of
 * a second and keeps a core busy.
 * @param wanted aborted as soon as the answer is no longer needed
 */
export function openArm({ config, runner }: Context, wanted?: AbortSignal) {
  async function logIn() {
    const { stdout } = await runner.runPrivately(accessCommand(config.azure.subscription))
    const answer = JSON.parse(stdout) as { accessToken: string; subscription: string }
    runner.secrets.add(answer.accessToken)
    return answer
  }
  let access = once(logIn)

  async function send(path: string, query: Query, body?: object): Promise<HttpResponse> {
    const { accessToken } = await access.get()
    return runner.request(armRequest(path, query, accessToken, body), wanted).catch((thrown) => {
      throw unknownError('Azure cannot be reached from here', getMessage(thrown), unreachableAdvice())
    })
  }

  async function read<Body>(path: string, query: Query, body?: object): Promise<Body | undefined> {
    let answer = await send(path, query, body)
    if (answer.status === 401) {
      // A token is valid for about an hour; az provides a fresh one.
      access = once(logIn)
      answer = await send(path, query, body)
    }
    if (answer.status === 404) return undefined
    if (answer.status === 200) return JSON.parse(answer.body) as Body
    throw refused(answer)
  }

  return {
    subscription: async () => (await access.get()).subscription,
    /**
     * Reads a path below management.azure.com; undefined when it does not exist. Throws exit 3 (unreachable,
     * or temporarily unable to answer), 4 (not logged in), 1 (refused).
     */
    get: <Body>(path: string, query: Query) => read<Body>(path, query),
    /** The same for a question that ARM takes as a POST, such as whether a name is free. It changes nothing. */
    post: <Body>(path: string, query: Query, body: object) => read<Body>(path, query, body),
  }
}

type Query = Readonly<Record<string, string>>

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
  return new OpsError({ what: `Azure refused the request (${status})`, said, ...meaning })
}
