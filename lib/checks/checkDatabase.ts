import type { VpsContext } from '../tasks/task.ts'
import { getExitCode, settleAll } from '../util/concurrency.ts'
import { type Finding, getDetail, getVerdictCode, worstVerdict } from '../util/verdict.ts'
import type { CheckContext } from './check.ts'
import { createCheckContext } from './context.ts'
import { databaseChecks } from './database/server.ts'
import { runChecks } from './run.ts'

/** Checks the database from all sides, and the firewall when the server cannot be reached. */
export async function checkDatabase(context: VpsContext) {
  const checking = createCheckContext(context)
  const findings = await findAll(checking)
  const verdict = worstVerdict(findings)
  const facts = await settleAll({ ...checking.database })
  return {
    rows: findings.map((each, index) => {
      return [each.verdict, each.title, getDetail(each, findings.slice(0, index))]
    }),
    /** What to do, without duplicates, followed by the number of findings per verdict. */
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
    code: getVerdictCode(verdict, getExitCode(facts)),
  }
}

export async function findAll(checking: CheckContext): Promise<Finding[]> {
  const observations = await runChecks(databaseChecks, checking)
  return observations.flatMap(({ probe: { id, title }, findings, verdict, detail, next }) =>
    findings ? [...findings] : [{ id, title, verdict, detail, next }],
  )
}

const summary = (findings: readonly Finding[]): string =>
  ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN']
    .map((verdict) => ({ verdict, count: findings.filter((each) => each.verdict === verdict).length }))
    .flatMap(({ verdict, count }) => (count > 0 ? [`${count} ${verdict}`] : []))
    .join(', ')
