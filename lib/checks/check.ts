/** One thing that is looked at. Resolves with what it saw; throws with what is wrong. */
export interface Check {
  id: string
  title: string
  run(): Promise<string>
}

export interface CheckResult {
  id: string
  ok: boolean
  detail: string
  ms: number
}

/** Runs checks side by side; none stops another. */
export function runChecks(checks: readonly Check[]): Promise<CheckResult[]> {
  return Promise.all(
    checks.map(async ({ id, run }) => {
      const started = performance.now()
      const [ok, detail] = await run().then(
        (seen) => [true, seen] as const,
        (thrown) => [false, thrown instanceof Error ? thrown.message : String(thrown)] as const,
      )
      return { id, ok, detail, ms: Math.round(performance.now() - started) }
    }),
  )
}

/** Throws when the condition does not hold. */
export function expect(condition: unknown, wrong: string): asserts condition {
  if (!condition) throw new Error(wrong)
}
