#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { formatScriptLine } from '../../lib/config/config.ts'
import { withContext } from '../../lib/deploy/context.ts'
import type { RollbackFlags } from '../../lib/deploy/rollback/tasks.ts'
import { usageError } from '../../lib/util/errors.ts'
import type { ReleasePart } from '../../lib/vps/badReleases.ts'

const script = defineScript<RollbackFlags>({
  name: 'rollback',
  summary: 'Roll the frontend or the backend back to an earlier release',
  changes: true,
  options: (parser) =>
    parser
      .addArgument(parser.createArgument('[part]', 'What to roll back').choices(['frontend', 'backend']))
      .action((part?: ReleasePart) => void parser.setOptionValue('part', part))
      .option(
        '--to <id>',
        'Roll back to this release instead of the previous one (a prefix of its id is enough)',
      )
      .option('--list', 'List the releases with time and revision, and which one is live or bad')
      .option('--mark-bad', 'Mark the current release as bad so that no rollback selects it')
      .option('--why <reason>', 'Reason to store with the mark')
      .option('--clear-bad <id>', 'Remove the mark from a release without rolling back'),
  async run(run) {
    const { part, list } = checkFlags(run.flags)
    const { listReleases, rollbackTasks, runTasks } = await import('../../lib/deploy/taskFactories.ts')
    if (list) {
      return withContext(run, 'rollback', false, async (context) => {
        await context.runner.beginConnecting(context.server)
        return listReleases(run, context, part ? [part] : ['frontend', 'backend'])
      })
    }
    if (!part) {
      throw usageError(
        'Specify what to roll back',
        `${formatScriptLine('rollback', 'frontend')}, or ${formatScriptLine('rollback', 'backend')}; to list the releases of both: ${formatScriptLine('rollback', '--list')}`,
      )
    }
    // Frontend: one rename over ssh. Backend: az container create of the old image, with nginx switched around it.
    return runTasks(run, { needsVps: true, tasks: (context) => rollbackTasks(run, context, part) })
  },
})

/** Throws (exit 2) when flags cannot be combined. */
function checkFlags({ part, list, to, markBad, clearBad, why }: RollbackFlags): {
  part?: ReleasePart
  list: boolean
} {
  if (list) {
    const other = { '--to': to, '--mark-bad': markBad, '--clear-bad': clearBad, '--why': why }
    const beside = Object.entries(other).find(([, value]) => value !== undefined)?.[0]
    if (beside)
      throw usageError(`--list is read-only and cannot be combined with ${beside}`, 'Omit one of them.')
  } else if (part) {
    if (clearBad !== undefined && (to !== undefined || markBad))
      throw usageError('--clear-bad does not roll back and cannot be combined with --to or --mark-bad')
    if (why !== undefined && !markBad) throw usageError('--why requires --mark-bad')
  }
  return { ...(part ? { part } : {}), list: list === true }
}

export default script
if (isMain(import.meta)) await script.start()
