#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { whoami, withContext } from '../../lib/deploy/context.ts'

const script = defineScript<{ to?: string; keep?: string; prove?: string | boolean }>({
  name: 'backup-database',
  summary:
    'Dump the database to a folder and delete old dumps; --prove restores the dump into a scratch database and compares',
  changes: true,
  options: (parser) =>
    parser
      .option('--to <folder>', 'Folder for the backups (default: backups/ in the state folder)')
      .option('--keep <number>', 'Backups to keep (default: 14); the last verified one is always kept')
      .option(
        '--prove [file]',
        'Restore the dump into a scratch database and compare; with a file, verify that dump instead of taking one',
      ),
  // pg_dump --format=custom; with --prove pg_restore into a throwaway database, compared with the dump.
  async run(run) {
    const { backUp, parseBackupOptions } = await import('../../lib/database/backup/run.ts')
    const options = parseBackupOptions(run.flags)
    return withContext(run, 'backup-database', !options.planning, async (context) => {
      const { log, stopping } = run
      const { text, data } = await backUp(context, options, { by: whoami(), log, stopping })
      run.result(text, data)
      return options.planning && run.flags.detailedExitcode ? 2 : 0
    })
  },
})

export default script
if (isMain(import.meta)) await script.start()
