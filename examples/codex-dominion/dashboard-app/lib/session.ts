/**
 * The operator's session, without which the backend refuses to write. Its cookie is out of reach of scripts; this module
 * knows only the operator's name and the CSRF token, and stores neither.
 */

import { useEffect, useSyncExternalStore } from 'react'
import { isProblem, type Row, request } from './api'
import { refreshAll } from './use-api'

const PATH = '/api/session'

export type Session = { name: string; csrf: string }

/** What the dialog calls: with a session, or with nothing when the visitor cancels. */
export type Answer = (session: Session | undefined) => void

/** `session` is null when nobody is signed in, and undefined until the backend has said so. */
type State = { session?: Session | null; answer?: Answer }

let state: State = {}
let loading: Promise<void> | undefined
let asked: Promise<Session | undefined> | undefined
const listeners = new Set<() => void>()

function publish(next: State): void {
  state = next
  for (const listener of listeners) listener()
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

function parse({ name, csrf }: Row): Session | null {
  return typeof name === 'string' && typeof csrf === 'string' ? { name, csrf } : null
}

function sendJson(method: string, path: string, csrf: string, body?: Row): Promise<Row> {
  const headers = { 'Content-Type': 'application/json', 'X-CSRF-Token': csrf }
  return request(path, { method, headers, body: body && JSON.stringify(body) })
}

/** Asks the backend who is signed in, once. While the backend does not answer, nobody counts as signed in. */
function load(): Promise<void> {
  loading ??= request(PATH, { method: 'GET' })
    .then(parse)
    .catch(() => null)
    .then((session) => publish({ ...state, session }))
  return loading
}

/**
 * The session; asks the visitor to sign in when there is none. Simultaneous callers share one question.
 * @returns undefined when the visitor cancels
 */
export async function requestSession(): Promise<Session | undefined> {
  await load()
  if (state.session) return state.session
  asked ??= new Promise<Session | undefined>((answer) => publish({ ...state, answer })).then((session) => {
    asked = undefined
    publish({ session: session ?? null })
    if (session) refreshAll()
    return session
  })
  return asked
}

/** @throws {ApiProblem} when the backend refuses the token or does not answer */
export async function signIn(token: string, name: string): Promise<Session> {
  const session = parse(await sendJson('POST', PATH, '', { token, name }))
  if (!session) throw new Error('The backend accepted the token but opened no session')
  return session
}

/**
 * Ends the session and forgets what the operator saw.
 * @throws {ApiProblem} when the backend does not answer: the session is still open then
 */
export async function signOut({ csrf }: Session): Promise<void> {
  try {
    await sendJson('DELETE', PATH, csrf)
  } catch (reason) {
    if (!isProblem(reason)) throw reason
    // Another tab has opened a new session, which has another CSRF token.
    const latest = reason.status === 403 ? parse(await request(PATH, { method: 'GET' })) : null
    if (latest && latest.csrf !== csrf) return signOut(latest)
    // 401: it had already ended.
    if (reason.status !== 401) throw reason
  }
  location.reload()
}

/**
 * POST as the operator. Asks the visitor to sign in when there is no session, and again when it has ended.
 * @throws {ApiProblem} as `request` does, and when the visitor cancels
 */
export async function postJson(path: string, body: Row): Promise<Row> {
  let refused: string | undefined
  for (;;) {
    const session = await requestSession()
    if (!session) {
      throw { status: 401, message: 'Nothing was sent: nobody is signed in', advice: 'Try again and sign in.' }
    }
    try {
      return await sendJson('POST', path, session.csrf, body)
    } catch (reason) {
      // 401: it has ended. 403: another tab has opened a new one.
      const isOutdated = isProblem(reason) && (reason.status === 401 || reason.status === 403)
      if (!isOutdated || session.csrf === refused) throw reason
      refused = session.csrf
      loading = undefined
    }
  }
}

/** The session and the dialog's answer, for components. */
export function useSession(): State {
  useEffect(() => void load(), [])
  return useSyncExternalStore(
    subscribe,
    () => state,
    () => EMPTY,
  )
}

const EMPTY: State = {}
