import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { getMessage } from '../../util/errors.ts'
import { getSiteRoot } from '../packages.ts'
import { vps } from '../remote/vps.ts'
import { inspectServer, updateServerState } from '../serverState.ts'

/**
 * Pins the release that was just verified, so that it is never pruned, and unpins the former one. Changes nothing in a dry
 * run, without a release, or when it is pinned already.
 * Returns '' or a warning for the caller's message, since a failure here is no fault of the release.
 */
export async function pinVerified(context: Context, id: string | undefined): Promise<string> {
  const { config, runner } = context
  if (!runner.mayChange || !id) return ''
  try {
    const { releases } = await inspectServer(context)
    const pinned = releases.filter((release) => release.pinned).map((release) => release.id)
    if (pinned.join() === id) return ''
    await runner.run(pinCommand(config, id))
    updateServerState(context, (known) => ({
      ...known,
      releases: known.releases.map((release) => ({ ...release, pinned: release.id === id })),
    }))
    return ''
  } catch (thrown) {
    return `; warning: it could not be marked as the one to keep: ${getMessage(thrown)}`
  }
}

/** Creates the mark next to the release, which server-state.sh and switch.sh read. */
export const pinCommand = (config: Config, id: string): Command =>
  vps(config).sudo.record`sh -c ${pinScript} keep ${getSiteRoot(config)}/releases ${id}`

const pinScript = `cd "$1" && [ -d "$2" ] && touch "$2.keep" || exit 1
for mark in *.keep; do [ "$mark" = "$2.keep" ] || rm -f -- "$mark"; done`
