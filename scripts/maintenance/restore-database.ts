#!/usr/bin/env node
import path from 'node:path'
import { defineScript } from '../../lib/cli/defineScript.ts'
import { usageError } from '../../lib/util/errors.ts'

await defineScript<{ file: string; into?: string; confirm?: string }>({
  name: 'restore-database',
  summary:
    'restore a backup into a new database, or with the name typed over the live one, which is kept beside',
  changes: true,
  flags(parser) {
    parser
      .argument('<file>', 'the .dump of a backup; its .dump.json must be beside it')
      .option('--into <name>', 'the database to make; it must be said')
      .option('--confirm <name>', 'the name of the live database, instead of typing it')
      .action((file) => void parser.setOptionValue('file', file))
  },
  async main(run) {
    const { into, confirm, dryRun, file } = run.flags
    if (into === undefined) throw usageError('Into which database?', 'Give its name: --into NAME')
    const { getSeparateConfig } = await import('../../lib/deploy/separate.ts')
    const { database } = (await getSeparateConfig(run)).postgres
    const { readManifest } = await import('../../lib/database/backup/manifest.ts')
    readManifest(path.resolve(file))
    const [{ confirmName }, { runTasks }, { restoreTasks, assertDatabaseName }] = await Promise.all([
      import('../../lib/cli/prompt.ts'),
      import('../../lib/deploy/runTasks.ts'),
      import('../../lib/database/restore/restore.ts'),
    ])
    assertDatabaseName(into)
    if (into === database && !dryRun) {
      const question = `${database} is the live database: what was written since the backup leaves the site.`
      await confirmName(confirm, database, question)
    }
    const summaries: (() => string[])[] = []
    return runTasks(run, {
      script: 'restore-database',
      needsVps: false,
      list(context) {
        const { steps, summary } = restoreTasks(context, path.resolve(file), into)
        summaries.push(summary)
        return { steps }
      },
      summary: () => summaries.flatMap((each) => each()),
    })
  },
})
