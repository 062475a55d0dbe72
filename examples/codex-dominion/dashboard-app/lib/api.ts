/**
 * The only module that talks to the backend. URLs are relative: the site and `/api/` share one origin, and nginx
 * decides where `/api/` goes.
 */

/** A parsed JSON object whose fields may be missing or have another type than expected. */
export type Row = Record<string, unknown>

/** What failed, in one sentence, and what to do about it. `status` is 0 when there was no response. */
export type ApiProblem = { message: string; advice: string; status: number }

const TIMEOUT_MS = 10_000

export function isProblem(reason: unknown): reason is ApiProblem {
  return typeof reason === 'object' && reason !== null && 'message' in reason && 'advice' in reason
}

function problem(status: number, message: string, advice: string): ApiProblem {
  return { status, message, advice }
}

function adviceFor(status: number): string {
  if (status === 401) return 'Sign in at the top of the page.'
  if (status === 429) return 'Too many requests: wait a moment, then try again.'
  if (status === 409) return 'Wait until that run has ended.'
  if (status === 404)
    return 'The backend does not know this address. Check that its release matches this dashboard.'
  if (status >= 502 && status <= 504) return 'The proxy cannot reach the backend. Try again in a minute.'
  if (status >= 500) return 'The backend reported an internal error. See its log.'
  return 'Check your input, then try again.'
}

/**
 * Send one request and return the parsed JSON object.
 * @throws {ApiProblem} when there is no response within 10 s, a status other than 2xx, or a body that is not JSON
 */
export async function request(path: string, init: RequestInit): Promise<Row> {
  let response: Response
  try {
    response = await fetch(path, {
      ...init,
      headers: { Accept: 'application/json', ...init.headers },
      signal: AbortSignal.timeout(TIMEOUT_MS),
      cache: 'no-store',
    })
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError'
    throw problem(
      0,
      late ? `No answer from ${path} within ${TIMEOUT_MS / 1000} seconds` : `${path} could not be reached`,
      'Check the connection, then try again.',
    )
  }
  const body: unknown = await response.json().catch(() => undefined)
  if (!response.ok) {
    const said =
      typeof body === 'object' && body !== null && 'error' in body && typeof body.error === 'string'
        ? `: ${body.error}`
        : ''
    throw problem(response.status, `${path} answered ${response.status}${said}`, adviceFor(response.status))
  }
  if (typeof body !== 'object' || body === null) {
    throw problem(response.status, `${path} did not answer with JSON`, 'Is /api/ routed to the backend?')
  }
  return Array.isArray(body) ? { items: body } : (body as Row)
}

export function getJson(path: string): Promise<Row> {
  return request(path, { method: 'GET' })
}
