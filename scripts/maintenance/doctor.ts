#!/usr/bin/env node
import { categories, chosenCategories } from '../../lib/checks/check.ts'
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import { formatTable } from '../../lib/util/format.ts'
import { getDetail, getVerdictCode, worstVerdict } from '../../lib/util/verdict.ts'

const script = defineScript<{ only?: string }>({
  name: 'doctor',
  summary: 'Check that everything a deploy needs is in place (read-only)',
  changes: false,
  options: (parser) => parser.option('--only <categories>', `Check only these: ${categories.join(', ')}`),
  // Each check has its own lines in lib/checks: az account show, GET …/permissions, ssh df, pg_dump --version.
  async run(run) {
    const chosen = chosenCategories(run.flags.only)
    const { examine } = await import('../../lib/checks/doctor.ts')
    return withContext(run, 'doctor', false, async (context) => {
      if (chosen.includes('vps')) await context.runner.beginConnecting(context.server)
      const findings = await examine(context, chosen, run.signal)
      const columns = [{ heading: 'STATE' }, { heading: 'ABOUT' }, { heading: 'WHAT' }, { heading: 'DETAIL' }]
      const rows = findings.map((each, index) => {
        const { verdict, category, title } = each
        return [verdict, category, title, getDetail(each, findings.slice(0, index))]
      })
      const helps = Map.groupBy(
        findings.filter(({ next }) => next),
        ({ next }) => next,
      )
      const advice = [...helps].map(
        ([next, those]) => `→ ${those.map(({ title }) => title).join(', ')}: ${next}`,
      )
      const passed = findings.filter(({ verdict }) => verdict === 'OK').length
      const last = `${passed} of ${findings.length} checks passed.`
      run.result([formatTable(columns, rows), '', ...advice, last].join('\n'), {
        ok: passed === findings.length,
        findings,
      })
      return getVerdictCode(worstVerdict(findings))
    })
  },
})

export default script
if (isMain(import.meta)) await script.start()
