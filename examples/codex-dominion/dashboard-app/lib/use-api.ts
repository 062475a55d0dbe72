'use client'

import { useCallback, useEffect, useSyncExternalStore } from 'react'
import { type ApiProblem, getJson, isProblem, type Row } from './api'

/** `data` stays while a refresh runs or fails, so that one failed request never blanks a page. */
export type ApiState = { data?: Row; problem?: ApiProblem; loading: boolean; at?: number }

type Entry = { state: ApiState; listeners: Set<() => void>; running?: Promise<void> }

const FRESH_MS = 15_000
const IDLE: ApiState = { loading: true }
const entries = new Map<string, Entry>()

function entryOf(path: string): Entry {
  let entry = entries.get(path)
  if (!entry) {
    entry = { state: IDLE, listeners: new Set() }
    entries.set(path, entry)
  }
  return entry
}

function publish(entry: Entry, state: ApiState): void {
  entry.state = state
  for (const listener of entry.listeners) listener()
}

async function fetchInto(path: string, entry: Entry): Promise<void> {
  publish(entry, { ...entry.state, loading: true })
  try {
    publish(entry, { data: await getJson(path), loading: false, at: Date.now() })
  } catch (reason) {
    const problem = isProblem(reason)
      ? reason
      : { status: 0, message: String(reason), advice: 'Reload the page.' }
    publish(entry, { ...entry.state, problem, loading: false, at: Date.now() })
  }
}

/** Fetch `path` again for every widget that shows it; a request already under way is shared. */
export function refresh(path: string): Promise<void> {
  const entry = entryOf(path)
  entry.running ??= fetchInto(path, entry).finally(() => {
    entry.running = undefined
  })
  return entry.running
}

/** Fetch everything that is shown again: what the backend answers depends on who is signed in. */
export function refreshAll(): void {
  for (const [path, entry] of entries) if (entry.listeners.size > 0) void refresh(path)
}

/**
 * GET one API path. Widgets on a page that name the same path share one request and one response, cached for 15 s.
 * @returns the state and a function that fetches again
 */
export function useApi(path: string): ApiState & { reload: () => void } {
  const entry = entryOf(path)
  const subscribe = useCallback(
    (listener: () => void) => {
      entry.listeners.add(listener)
      return () => entry.listeners.delete(listener)
    },
    [entry],
  )
  const state = useSyncExternalStore(
    subscribe,
    () => entry.state,
    () => IDLE,
  )
  useEffect(() => {
    if (!entry.state.at || Date.now() - entry.state.at > FRESH_MS) void refresh(path)
  }, [path, entry])
  return { ...state, reload: useCallback(() => void refresh(path), [path]) }
}
