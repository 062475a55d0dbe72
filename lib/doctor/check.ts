import type { Arm } from '../azure/arm.ts'
import type { Azure } from '../azure/resources.ts'
import type { Judged } from '../command/verdict.ts'
import type { Context } from '../steps/context.ts'

/** What checks look with; each thing is asked once, whoever asks. */
export interface Bench {
  context: Context
  azure: Azure
  arm: Arm
  now: Date
}

export const categories = [
  'tools',
  'login',
  'quota',
  'dns',
  'ports',
  'vps',
  'clock',
  'certificate',
  'retirement',
] as const
export type Category = (typeof categories)[number]

/** One thing that must be so before anything is touched. It only looks. */
export interface Check {
  id: string
  title: string
  category: Category
  /** What to do when it is not so, where the finding itself does not say it better. */
  next: string
  /** Throws when it cannot look; silence is UNKNOWN. */
  look(bench: Bench): Promise<Judged>
}

export const fine = (detail: string): Judged => ({ verdict: 'OK', detail })
export const doubtful = (detail: string, next?: string): Judged => ({ verdict: 'WARNING', detail, next })
export const wrong = (detail: string, next?: string): Judged => ({ verdict: 'CRITICAL', detail, next })
