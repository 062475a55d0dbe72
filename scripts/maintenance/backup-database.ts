#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript<{ to?: string; keep?: string; prove?: string | boolean }>({
  name: 'backup-database',
  summary: 'dump the database to a folder, with retention; --prove restores it into a throwaway and compares',
  changes: true,
  flags: (parser) =>
    parser
      .option('--to <folder>', 'where backups are kept (default: backups/ in the state folder)')
      .option('--keep <number>', 'how many backups stay (14); the one that was proven last stays always')
      .option(
        '--prove [file]',
        'restore it into a throwaway database and compare; with a file: that one, without taking another',
      ),
  async main(run) {
    const [{ withContext, whoami }, { backUp, backupOptions }] = await Promise.all([
      import('../../lib/deploy/context.ts'),
      import('../../lib/database/backup/run.ts'),
    ])
    const options = backupOptions(run.flags)
    return withContext(run, 'backup-database', !options.planning, async (context) => {
      const { log: story, stopping } = run
      const { text, data, changes } = await backUp(context, options, { by: whoami(), story, stopping })
      run.result(text, data)
      return options.planning && run.flags.detailedExitcode && changes ? 2 : 0
    })
  },
})
