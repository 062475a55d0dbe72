import type { Context } from '../tasks/task.ts'
import { getExitCode, settleAll } from '../util/concurrency.ts'
import { exitCode, type Finding, getDetail, type Verdict, worstVerdict } from '../util/errors.ts'
import type { CheckContext } from './check.ts'
import { createCheckContext } from './context.ts'
import { databaseChecks } from './database/server.ts'
import { runChecks } from './run.ts'

/** Checks the database from all sides, and the firewall when the server cannot be reached. */
export async function checkDatabase(context: Context) {
  const checking = createCheckContext(context)
  const findings = await findAll(checking)
  const verdict = worstVerdict(findings)
  const facts = await settleAll({ ...checking.database })
  return {
    /** The cells of a table: verdict, what was checked, detail. */
    rows: findings.map((each, index) => [
      each.verdict,
      each.title,
      getDetail(each, findings.slice(0, index)),
    ]),
    /** What to do, each thing once; then how many findings there are of each verdict. */
    advice: [...new Set(findings.flatMap(({ next }) => (next ? [`→ ${next}`] : []))), summary(findings)],
    data: {
      ok: verdict === 'OK',
      verdict,
      server: context.config.postgres.server,
      findings,
      times: facts.times.value,
      tables: facts.tables.value,
      backups: facts.backups.value,
    },
    /** 0 OK, 1 a WARNING or CRITICAL, 3 (or 4) an UNKNOWN. */
    code: toExitCode(verdict, getExitCode(facts)),
  }
}

export async function findAll(checking: CheckContext): Promise<Finding[]> {
  const observations = await runChecks(databaseChecks, checking)
  return observations.flatMap(({ probe: { id, title }, findings, verdict, detail, next }) =>
    findings ? [...findings] : [{ id, title, verdict, detail, next }],
  )
}

/** @param unanswered the exit code of the first source that gave no answer */
function toExitCode(verdict: Verdict, unanswered: number): number {
  if (verdict === 'OK') return exitCode.done
  if (verdict !== 'UNKNOWN') return exitCode.failed
  return unanswered === exitCode.notLoggedIn ? unanswered : exitCode.unknown
}

function summary(findings: readonly Finding[]): string {
  const countVerdict = (verdict: Verdict) => findings.filter((each) => each.verdict === verdict).length
  return (['OK', 'WARNING', 'CRITICAL', 'UNKNOWN'] as const)
    .filter((verdict) => countVerdict(verdict) > 0)
    .map((verdict) => `${countVerdict(verdict)} ${verdict}`)
    .join(', ')
}
