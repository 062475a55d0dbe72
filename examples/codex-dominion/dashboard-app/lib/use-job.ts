'use client'

import { useEffect, useRef, useState } from 'react'
import { type ApiProblem, getJson, isProblem, type Row } from './api'
import { textOf } from './rows'
import { postJson, requestSession } from './session'

/** The state of a started workflow: requested, waiting or running as a job, or ended. */
export type JobState = {
  phase: 'starting' | 'waiting' | 'finished' | 'failed'
  workflow: string
  id?: string
  /** The backend's own word, for example `queued`, `started`, `finished`. */
  status?: string
  result?: unknown
  problem?: ApiProblem
}

const POLL_MS = 1_000
/** After this the page stops polling; the job itself continues. */
const PATIENCE_MS = 120_000
const DONE = /finish|complete|success|succeed|done/i
const BROKEN = /fail|error|stopped|cancel/i

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function problemOf(reason: unknown): ApiProblem {
  return isProblem(reason) ? reason : { status: 0, message: String(reason), advice: 'Try again.' }
}

/** Polls until the job ends. One failed request does not count: three in a row do. */
async function follow(id: string, report: (answer: Row) => void, isGone: () => boolean): Promise<Row> {
  const deadline = Date.now() + PATIENCE_MS
  let missed = 0
  while (!isGone() && Date.now() < deadline) {
    try {
      const answer = await getJson(`/api/workflows/jobs/${encodeURIComponent(id)}`)
      missed = 0
      report(answer)
      const status = textOf(answer, 'status')
      if (DONE.test(status) || BROKEN.test(status)) return answer
    } catch (reason) {
      missed += 1
      if (missed >= 3) throw reason
    }
    await pause(POLL_MS)
  }
  throw {
    status: 0,
    message: `Job ${id} has not finished within ${PATIENCE_MS / 60_000} minutes`,
    advice: 'It continues in the background. Check on the queue page that a worker is running.',
  } satisfies ApiProblem
}

/** Start workflows by name and follow the job of the latest one. `onEnd` runs after every job that ended. */
export function useJob(onEnd: () => void): { job?: JobState; start: (workflow: string) => Promise<void> } {
  const [job, setJob] = useState<JobState>()
  const turn = useRef(0)
  // Strict mode mounts twice, so the effect's clean-up only marks the running round as cancelled.
  useEffect(
    () => () => {
      turn.current += 1
    },
    [],
  )

  async function start(workflow: string): Promise<void> {
    // Before the button is disabled: otherwise closing the dialog could not return the focus to it.
    if ((await requestSession()) === undefined) return
    turn.current += 1
    const mine = turn.current
    const isGone = () => turn.current !== mine
    const show = (state: JobState) => {
      if (!isGone()) setJob(state)
    }
    show({ phase: 'starting', workflow })
    let id = ''
    try {
      const accepted = await postJson('/api/workflows/run', { name: workflow })
      id = textOf(accepted, 'job_id')
      if (!id) throw new Error('The backend accepted the run but returned no job id')
      show({ phase: 'waiting', workflow, id, status: 'queued' })
      const end = await follow(
        id,
        (answer) => show({ phase: 'waiting', workflow, id, status: textOf(answer, 'status') }),
        isGone,
      )
      const status = textOf(end, 'status')
      show({
        phase: DONE.test(status) ? 'finished' : 'failed',
        workflow,
        id,
        status,
        result: end.result ?? end.error,
      })
    } catch (reason) {
      show({ phase: 'failed', workflow, id: id || undefined, problem: problemOf(reason) })
    }
    if (!isGone()) onEnd()
  }

  return { job, start }
}
