import { type Azure, createAzure } from '../../azure/client.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Context } from '../../tasks/context.ts'
import { getExitCode, type Settled, settleAll } from '../../util/concurrency.ts'
import { exitCode } from '../../util/errors.ts'
import { type Finding, getDetail, worstVerdict } from '../../util/status.ts'
import { gatherFacts, readFirewall, unreachable } from './facts.ts'
import { evaluateFacts } from './verdicts.ts'

export interface DatabaseCheck {
  /** Verdict, what was looked at, how it is: the cells of a table. */
  rows: string[][]
  /** What to do, each thing once; and how many findings of each sort. */
  advice: string[]
  data: object
  /** 0 fine, 1 something is wrong, 3 (or 4) something could not be known. */
  code: number
}

/** Looks at the database from all sides, and at the firewall where it lets nobody in. */
export async function checkDatabase(context: Context): Promise<DatabaseCheck> {
  const azure = createAzure(context)
  const facts = await gatherFacts(context, azure)
  const closed = unreachable(facts.times.failure) ? await firewallFinding(context, azure) : []
  const findings = [...evaluateFacts(context.config, facts, Date.now()), ...closed]
  const verdict = worstVerdict(findings)
  const wrong = verdict === 'WARNING' || verdict === 'CRITICAL'
  const silent = getExitCode(facts as Record<string, Settled<unknown>>)
  const unknown = silent === exitCode.notLoggedIn ? silent : exitCode.unknown
  return {
    rows: findings.map((each, index) => [
      each.verdict,
      each.title,
      getDetail(each, findings.slice(0, index)),
    ]),
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
    code: verdict === 'OK' ? exitCode.done : wrong ? exitCode.failed : unknown,
  }
}

async function firewallFinding(context: Context, azure: Azure): Promise<Finding[]> {
  const { rule } = await settleAll({ rule: () => readFirewall(context, azure) })
  const about = { id: 'firewall', title: 'Firewall' }
  if (rule.failure) return [{ ...about, verdict: 'UNKNOWN', detail: rule.failure.message }]
  const { letIn, self } = rule.value
  if (letIn === self) return [{ ...about, verdict: 'OK', detail: `lets this machine in (${self})` }]
  const detail = `lets in ${letIn ?? 'no operator'}; this machine is ${self}`
  return [
    {
      ...about,
      verdict: 'WARNING',
      detail,
      next: `${formatScriptLine('provision')}   (it lets this machine in)`,
    },
  ]
}

function summary(findings: readonly Finding[]): string {
  const count = (verdict: string) => findings.filter((each) => each.verdict === verdict).length
  return ['OK', 'WARNING', 'CRITICAL', 'UNKNOWN']
    .filter((verdict) => count(verdict) > 0)
    .map((verdict) => `${count(verdict)} ${verdict}`)
    .join(', ')
}
