#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'check-database',
  summary: 'look at the database: state, TLS, connection time, tables, room left, backups, migrations',
  changes: false,
  async main(run) {
    const [{ formatTable }, { withContext }, { checkDatabase }] = await Promise.all([
      import('../../lib/util/table.ts'),
      import('../../lib/deploy/context.ts'),
      import('../../lib/checks/checkDatabase.ts'),
    ])
    return withContext(run, 'check-database', false, async (context) => {
      const { rows, advice, data, code } = await checkDatabase(context)
      const columns = [{ heading: 'STATE' }, { heading: 'WHAT' }, { heading: 'DETAIL' }]
      run.result([formatTable(columns, rows), '', ...advice].join('\n'), data)
      return code
    })
  },
})
