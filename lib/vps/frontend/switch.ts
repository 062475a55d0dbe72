import { formatScriptLine } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { eachServer, formatServer, type Log, ok, type Task, type VpsContext } from '../../tasks/task.ts'
import { getMessage, OpsError } from '../../util/errors.ts'
import { type BadReleases, readBadReleases } from '../badReleases.ts'
import { getSiteRoot, remoteScript, type Site, vps } from '../remote/vps.ts'
import { inspectServer, invalidateServerState, type ServerState, updateServerState } from '../serverState.ts'
import { selectPrunable } from './release.ts'
import { getSourceHash } from './sources.ts'
import type { Uploaded } from './upload.ts'

/** The live release before and after the switch: the same when nothing was switched, '' for none. */
export interface Switched {
  from: string
  to: string
}

/** @param uploads those of all servers: nothing is switched before every server has the release */
export function switchTask(
  context: VpsContext,
  upload: Task<Uploaded>,
  uploads: readonly Task[] = [upload],
): Task<Switched> {
  return {
    id: 'frontend-switch',
    title: 'Switch to the new pages',
    part: 'ionos',
    after: uploads,
    async inspect(ahead) {
      const source = await getSourceHash(context)
      const state = await inspectServer(context)
      const from = state.live
      const live = state.releases.find((release) => release.id === from)
      if (live?.source === source) return { ...ok(`release ${live.id} is live`), fact: { from, to: from } }
      const found = state.releases.filter((release) => release.source === source).at(-1)
      if (!found) {
        if (ahead.willChange(upload)) {
          const fields = [{ name: 'live release', before: from || undefined, after: 'the new one' }]
          return { state: from ? 'change' : 'create', what: 'after the upload', fields, effects: [] }
        }
        throw new OpsError({
          what: 'The VPS has no release of the current sources',
          next: `Publish it: ${formatScriptLine('publish-frontend')}`,
        })
      }
      const { frontend: bad } = await readBadReleases(context)
      // A release that this run uploaded is too new to be marked.
      const mark = ahead.fact(upload).wasThere ? bad.get(found.id) : undefined
      const caution = mark ? `; it is marked as bad (${mark.why}), but is published again` : ''
      return {
        state: from ? 'change' : 'create',
        what: `release ${found.id}${caution}`,
        fields: [{ name: 'live release', before: from || undefined, after: found.id }],
        effects: [switchReleaseCommand(context, state, found.id, bad)],
        fact: { from, to: found.id },
      }
    },
    async afterAll({ fact }, log) {
      invalidateServerState(context)
      log(`release ${fact?.to} is live`)
    },
  }
}

/** Switches to a release, and removes those that are no longer kept. */
export function switchReleaseCommand(
  { config, server }: Site,
  state: ServerState,
  target: string,
  bad: BadReleases['frontend'],
): Command {
  const old = selectPrunable(state.releases, {
    live: target,
    previous: state.live === target ? state.previous : state.live,
    keep: config.ionos.keepReleases,
    bad,
  })
  return remoteScript(server, 'change', 'switch', [getSiteRoot(config), target, ...old])
}

/** Makes a release on the VPS live. Uploads nothing and removes none. */
export const switchBackCommand = ({ config, server }: Site, id: string): Command =>
  remoteScript(server, 'change', 'switch', [getSiteRoot(config), id])

/** Logs that a release is live, and returns how many milliseconds that took. */
export function logSwitch(context: VpsContext, id: string, started: number, log: Log): number {
  const ms = Math.round(performance.now() - started)
  invalidateServerState(context)
  log(`release ${id} is live, switched in ${ms} ms${formatServer(context)}`)
  return ms
}

/**
 * Pins the release that was just verified, so that no server prunes it, and unpins the previous one. Changes nothing in
 * a dry run, without a release, or when it is already pinned. Returns '' or a warning for the caller's message, since a
 * failure here is not a fault of the release.
 */
export const pinVerified = async (context: VpsContext, id: string | undefined): Promise<string> =>
  context.runner.mayChange && id
    ? (await Promise.all(eachServer(context).map((each) => pinOn(each, id)))).join('')
    : ''

async function pinOn(context: VpsContext, id: string): Promise<string> {
  const { runner } = context
  try {
    const { releases } = await inspectServer(context)
    const pinned = releases.filter((release) => release.pinned).map((release) => release.id)
    if (pinned.join() === id) return ''
    await runner.run(pinCommand(context, id))
    updateServerState(context, (known) => ({
      ...known,
      releases: known.releases.map((release) => ({ ...release, pinned: release.id === id })),
    }))
    return ''
  } catch (thrown) {
    return `; warning: it could not be pinned${formatServer(context)}: ${getMessage(thrown)}`
  }
}

/** Creates the mark next to the release, which server-state.sh and switch.sh read. */
export const pinCommand = ({ config, server }: Site, id: string): Command =>
  vps(server).sudo.record`sh -c ${pinScript} keep ${getSiteRoot(config)}/releases ${id}`

const pinScript = `cd "$1" && [ -d "$2" ] && touch "$2.keep" || exit 1
for mark in *.keep; do [ "$mark" = "$2.keep" ] || rm -f -- "$mark"; done`
