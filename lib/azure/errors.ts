import type { Failure } from '../util/errors.ts'
import { type Meaning, meanings } from './meanings.ts'

/** Explains a message from az, and what to do; undefined when the message explains itself. */
export function explainAz(output: string): Partial<Failure> | undefined {
  return explain(output, meanings)
}

/** Explains a failed build: once it has run, a network fault in its log belongs to the build, not to Azure. */
export function explainBuild(output: string): Partial<Failure> | undefined {
  const log = /\bRun ID: \S+ (failed|was canceled|timed out)/i.test(output)
  return explain(output, log ? meanings.filter(({ ofBuild }) => ofBuild) : meanings)
}

function explain(output: string, known: readonly Meaning[]): Partial<Failure> | undefined {
  const found = known.find(({ when }) => when.test(output))
  if (!found) return undefined
  const { what, next, said } = found
  return {
    what: typeof what === 'string' ? what : what(output),
    next: typeof next === 'string' ? next : next(output),
    ...(said ? { said: said(output) } : {}),
    ...(found.exitCode === undefined ? {} : { exitCode: found.exitCode }),
  }
}

/**
 * Removes az's messages about command modules that it cannot load. It loads all of them when its command index is new,
 * and Debian 13's az 2.74 cannot load `monitor` and `rdbms`. When az does not know the command, those lines are the
 * cause and are kept.
 */
export const removeModuleErrors = (stderr: string): string =>
  stderr.includes('is misspelled or not recognized')
    ? stderr
    : stderr.replaceAll(/^ERROR: Error loading command module '.*(?:\n|$)/gm, '')
