import type { Arm } from '../../azure/arm.ts'
import type { Azure } from '../../azure/client.ts'
import type { Context } from '../../tasks/context.ts'
import { usageError } from '../../util/errors.ts'
import type { Judged } from '../../util/status.ts'
import { findNearest } from '../../util/suggest.ts'

/** What checks look with; each thing is asked once, whoever asks. */
export interface CheckContext {
  context: Context
  azure: Azure
  arm: Arm
  now: Date
}

export const categories = [
  'tools',
  'login',
  'quota',
  'data-tier',
  'dns',
  'ports',
  'vps',
  'clock',
  'certificate',
  'retirement',
] as const
export type Category = (typeof categories)[number]

/** The categories that `--only a,b` names; all without it. Throws (exit 2) naming the nearest right one. */
export function chosenCategories(only: string | undefined): readonly Category[] {
  if (only === undefined) return categories
  return only.split(',').map((word) => {
    const found = categories.find((category) => category === word.trim())
    if (found) return found
    const meant = findNearest(word.trim(), categories)
    throw usageError(
      `--only ${word.trim()} is no category${meant ? `; did you mean ${meant}?` : ''}`,
      `There are: ${categories.join(', ')}.`,
    )
  })
}

/** One thing that must be so before anything is touched. It only looks. */
export interface Check {
  id: string
  title: string
  category: Category
  /** What to do when it is not so, where the finding itself does not say it better. */
  next: string
  /** Throws when it cannot look; silence is UNKNOWN. */
  look(bench: CheckContext): Promise<Judged>
}

export const pass = (detail: string): Judged => ({ verdict: 'OK', detail })
export const warn = (detail: string, next?: string): Judged => ({ verdict: 'WARNING', detail, next })
export const fail = (detail: string, next?: string): Judged => ({ verdict: 'CRITICAL', detail, next })
