import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Log, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { type BadReleases, readBadReleases } from '../badReleases.ts'
import { getSiteRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import { inspectServer, invalidateServerState, type ServerState } from '../serverState.ts'
import { selectPrunable } from './release.ts'
import { getSourceHash } from './sources.ts'
import type { Uploaded } from './upload.ts'

/** The live release before and after the switch: the same when nothing was switched, '' for none. */
export interface Switched {
  from: string
  to: string
}

/** Makes the uploaded release live. */
export function switchTask(context: Context, upload: Task<Uploaded>): Task<Switched> {
  return {
    id: 'frontend-switch',
    title: 'Switch to the new pages',
    part: 'ionos',
    after: [upload],
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
          what: 'The VPS has no release of the present sources',
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
  { config }: Pick<Context, 'config'>,
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
  return remoteScript(config, 'change', 'switch', [getSiteRoot(config), target, ...old])
}

/** Makes a release on the VPS live. Uploads nothing and removes none. */
export const switchBackCommand = (config: Config, id: string): Command =>
  remoteScript(config, 'change', 'switch', [getSiteRoot(config), id])

/** Switches back and returns how many milliseconds it took. The caller purges the caches (purge.ts). */
export async function switchBack(context: Context, id: string, log: Log): Promise<number> {
  const started = performance.now()
  await context.runner.run(switchBackCommand(context.config, id))
  return logSwitch(context, id, started, log)
}

/** Logs that a release is live, and returns how many milliseconds that took. */
export function logSwitch(context: Context, id: string, started: number, log: Log): number {
  const ms = Math.round(performance.now() - started)
  invalidateServerState(context)
  log(`release ${id} is live, switched in ${ms} ms`)
  return ms
}
