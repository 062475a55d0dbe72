#!/usr/bin/env node
import path from 'node:path'
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { usageError } from '../../lib/util/errors.ts'

const script = defineScript<{ file: string; into?: string; confirm?: string }>({
  name: 'restore-database',
  summary: 'Restore a backup into a new database, or (confirmed by name) replace the live one, which is kept',
  changes: true,
  options: (parser) =>
    parser
      .argument('<file>', 'The .dump file of a backup, with its .dump.json next to it')
      .option('--into <name>', 'Database to create or, if it is the live one, to replace (required)')
      .option(
        '--confirm <name>',
        'Confirm with the name of the live database instead of typing it when asked',
      )
      .action((file) => void parser.setOptionValue('file', file)),
  async run(run) {
    const { into, confirm, dryRun } = run.flags
    const file = path.resolve(run.flags.file)
    if (into === undefined) throw usageError('The target database is missing', 'Specify it: --into NAME')
    const { assertDatabaseName, confirmName, getSeparateConfig, readManifest, restoreTasks, runTasks } =
      await import('../../lib/deploy/taskFactories.ts')
    const config = await getSeparateConfig(run)
    const { database } = config.postgres
    readManifest(file)
    assertDatabaseName(into)
    if (into === database && !dryRun) {
      const question = `${database} is the live database: the site loses everything written since the backup.`
      await confirmName(confirm, database, question)
    }
    // CREATE DATABASE, pg_restore, compare with the manifest, then ALTER DATABASE … RENAME in one transaction.
    return runTasks(run, { config, needsVps: false, tasks: (context) => restoreTasks(context, file, into) })
  },
})

export default script
if (isMain(import.meta)) await script.start()
