import { exitCode, OpsError } from './errors.ts'

/** What one source said, or why it said nothing. */
export type Settled<Value> = { value: Value; failure?: never } | { value?: never; failure: Error }

/**
 * Asks several sources at once. One that fails holds up no other and loses no other's answer: a script that only looks
 * shows what it could reach, and says what it could not.
 */
export async function settleAll<Values extends Record<string, unknown>>(
  asks: {
    [Name in keyof Values]: () => Promise<Values[Name]>
  },
): Promise<{ [Name in keyof Values]: Settled<Values[Name]> }> {
  const names = Object.keys(asks) as (keyof Values)[]
  const answers = await Promise.all(names.map((name) => answerOf(asks[name])))
  return Object.fromEntries(names.map((name, index) => [name, answers[index]])) as never
}

async function answerOf<Value>(ask: () => Promise<Value>): Promise<Settled<Value>> {
  try {
    return { value: await ask() }
  } catch (thrown) {
    return { failure: thrown instanceof Error ? thrown : new Error(String(thrown)) }
  }
}

/** 0 when every source answered; otherwise the first failure's code, or 3: what was shown is not the whole. */
export function getExitCode(answers: Readonly<Record<string, Settled<unknown>>>): number {
  const failed = Object.values(answers).find(({ failure }) => failure)
  if (!failed) return exitCode.done
  return failed.failure instanceof OpsError ? failed.failure.exitCode : exitCode.unknown
}
