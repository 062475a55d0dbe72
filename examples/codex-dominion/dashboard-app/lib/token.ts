/**
 * The operator's token, without which the backend refuses to write. It is stored in `sessionStorage`: it survives a
 * reload, is forgotten when the tab is closed, and no other tab or site can read it.
 */

import { useSyncExternalStore } from 'react'

const KEY = 'dominion-api-token'

/** The question that the dialog asks; `rejected` means that the backend refused the last answer. */
export type Question = { rejected: boolean; answer: (token: string | undefined) => void }

/** Where the browser forbids storage, the token lasts as long as the page. */
let remembered: string | undefined
let question: Question | undefined
let asked: Promise<string | undefined> | undefined
const listeners = new Set<() => void>()

function readToken(): string | undefined {
  try {
    return sessionStorage.getItem(KEY) ?? remembered
  } catch {
    return remembered
  }
}

function keepToken(token: string | undefined): void {
  remembered = token
  try {
    if (token === undefined) sessionStorage.removeItem(KEY)
    else sessionStorage.setItem(KEY, token)
  } catch {
    // Storage is forbidden or full; `remembered` has it.
  }
}

function publish(next: Question | undefined): void {
  question = next
  for (const listener of listeners) listener()
}

/**
 * The token; asks for it when this tab has none. Simultaneous callers share one question.
 * @param refused the token that the backend has just refused: it is forgotten, and requested again
 * @returns undefined when the visitor cancels
 */
export function requestToken(refused?: string): Promise<string | undefined> {
  if (refused !== undefined && readToken() === refused) keepToken(undefined)
  const known = readToken()
  if (known !== undefined) return Promise.resolve(known)
  asked ??= new Promise<string | undefined>((resolve) => {
    publish({ rejected: refused !== undefined, answer: resolve })
  }).then((token) => {
    asked = undefined
    if (token !== undefined) keepToken(token)
    publish(undefined)
    return token
  })
  return asked
}

/** The question that waits for an answer, for the dialog. */
export function useQuestion(): Question | undefined {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    () => question,
    () => undefined,
  )
}
