#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript<{ only?: string }>({
  name: 'doctor',
  summary: 'look whether everything a deploy needs is as it must be; changes nothing',
  changes: false,
  flags: (parser) =>
    parser.option(
      '--only <categories>',
      'tools, login, quota, data-tier, dns, ports, vps, clock, certificate, retirement; several with commas',
    ),
  async main(run) {
    const [{ withContext }, { chosenCategories }] = await Promise.all([
      import('../../lib/deploy/context.ts'),
      import('../../lib/checks/check.ts'),
    ])
    const chosen = chosenCategories(run.flags.only)
    return withContext(run, 'doctor', false, async (context) => {
      if (chosen.includes('vps')) await context.runner.beginVps()
      const [{ formatTable: tableText }, { getDetail: detailOf }, { examine, exitCodeOfFindings }] =
        await Promise.all([
          import('../../lib/util/table.ts'),
          import('../../lib/util/status.ts'),
          import('../../lib/checks/doctor.ts'),
        ])
      const findings = await examine(context, chosen, run.signal)
      const columns = [{ heading: 'STATE' }, { heading: 'ABOUT' }, { heading: 'WHAT' }, { heading: 'DETAIL' }]
      const rows = findings.map((each, index) => {
        const { verdict, category, title } = each
        return [verdict, category, title, detailOf(each, findings.slice(0, index))]
      })
      const helps = Map.groupBy(
        findings.filter(({ next }) => next),
        ({ next }) => next,
      )
      const advice = [...helps].map(
        ([next, those]) => `→ ${those.map(({ title }) => title).join(', ')}: ${next}`,
      )
      const fine = findings.filter(({ verdict }) => verdict === 'OK').length
      const last = `${fine} of ${findings.length} are as they must be.`
      run.result([tableText(columns, rows), '', ...advice, last].join('\n'), {
        ok: fine === findings.length,
        findings,
      })
      return exitCodeOfFindings(findings)
    })
  },
})
