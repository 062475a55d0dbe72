import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { getMessage } from '../../util/errors.ts'
import { getSiteRoot } from '../packages.ts'
import { vps } from '../remote/vps.ts'
import { inspectServer, updateServerState } from '../serverState.ts'

/**
 * Keeps the release that was just seen to work from being pruned, however many broken ones follow it, and lets go of the
 * one that was kept before. Changes nothing in a dry run, without a release, or when it is kept already.
 * Gives words for the step that has looked: '' or why the release could not be kept, which is no fault of the release.
 */
export async function pinVerified(context: Context, id: string | undefined): Promise<string> {
  const { config, runner } = context
  if (!runner.mayChange || !id) return ''
  try {
    const { releases } = await inspectServer(context)
    const kept = releases.filter(({ pinned }) => pinned).map((release) => release.id)
    if (kept.join() === id) return ''
    await runner.run(pinCommand(config, id))
    updateServerState(context, (known) => ({
      ...known,
      releases: known.releases.map((release) => ({ ...release, pinned: release.id === id })),
    }))
    return ''
  } catch (thrown) {
    return `; warning: it could not be noted as the one to keep: ${getMessage(thrown)}`
  }
}

/** The mark lies beside the release; server-state.sh and switch.sh look for it. */
export const pinCommand = (config: Config, id: string): Command =>
  vps(config).sudo.record`sh -c ${pinScript} keep ${getSiteRoot(config)}/releases ${id}`

const pinScript = `cd "$1" && [ -d "$2" ] && touch "$2.keep" || exit 1
for mark in *.keep; do [ "$mark" = "$2.keep" ] || rm -f -- "$mark"; done`
