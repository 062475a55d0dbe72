#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import { formatTable } from '../../lib/util/format.ts'

const script = defineScript({
  name: 'check-database',
  summary: 'Check the database: state, TLS, connection time, tables, free space, backups, migrations',
  changes: false,
  // SELECT … from the tables and pg_stat_activity; az resource show, az rest --method get --url …/backups.
  run: (run) =>
    withContext(run, 'check-database', false, async (context) => {
      const { checkDatabase } = await import('../../lib/checks/checkDatabase.ts')
      const { rows, advice, data, code } = await checkDatabase(context)
      const columns = [{ heading: 'STATE' }, { heading: 'WHAT' }, { heading: 'DETAIL' }]
      run.result([formatTable(columns, rows), '', ...advice].join('\n'), data)
      return code
    }),
})

export default script
if (isMain(import.meta)) await script.start()
