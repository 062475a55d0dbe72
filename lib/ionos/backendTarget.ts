import { OpsError } from '../command/errors.ts'
import type { Context } from '../steps/context.ts'
import { switchBackend } from './nginx.ts'
import { surveyOf } from './survey.ts'

/** nginx on the VPS as what stands before the backend. */
export interface BackendTarget {
  /** The host that /api/ goes to; undefined while nginx serves no site yet. */
  target(): Promise<string | undefined>
  /** Points it elsewhere; returns when nginx has loaded it. Throws with the old one still in force. */
  switchTo(host: string, tell: (line: string) => void): Promise<void>
}

export function proxyOf(context: Context): BackendTarget {
  return {
    async target() {
      return (await surveyOf(context)).nginx.backend || undefined
    },
    async switchTo(host, tell) {
      const { inspect, apply } = switchBackend(context, host)
      const difference = await inspect({ pending: () => false, unsure: () => false })
      if (difference.state === 'ok') return
      if (difference.state === 'unknown') throw new OpsError({ what: difference.why, exitCode: 3 })
      await apply(difference, tell)
      tell(`nginx sends /api/ to ${host}`)
    },
  }
}
