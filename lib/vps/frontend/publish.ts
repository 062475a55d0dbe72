import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Log, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { formatBytes } from '../../util/format.ts'
import { type BadReleases, readBadReleases } from '../badReleases.ts'
import { getSiteRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import { inspectServer, invalidateServerState, type ServerState, updateServerState } from '../serverState.ts'
import { readBuildNote } from './build.ts'
import {
  describeUpload,
  fetchManifest,
  liveRelease as getLiveRelease,
  type Publication,
  preparePublication,
  prereadExport,
} from './prepare.ts'
import { selectPrunable } from './release.ts'
import { getSourceHash } from './sources.ts'
import { changedByHand, stageCommand, type Traffic } from './upload.ts'

/** What the upload has found, and what it has prepared to send. */
export interface Uploaded {
  /** The release that was live; '' when none was. */
  live: string
  /** These sources were on the VPS already. */
  wasThere: boolean
  publication?: Publication
}

/** Brings the export to the VPS as a release beside the live one. Nothing that is served changes. */
export function uploadTask(
  context: Context,
  { server, build }: { server?: Task; build: Task },
): Task<Uploaded> {
  const { config, runner } = context
  const exported = prereadExport(context)
  return {
    id: 'frontend-upload',
    title: 'Upload the pages',
    part: 'ionos',
    after: [server, build],
    async inspect(ahead) {
      const source = await getSourceHash(context)
      // Asked beside the state when there is something to publish, as far as can be told before it.
      const built = readBuildNote(config)?.source === source
      const manifest = built
        ? fetchManifest(context, getLiveRelease, 'quick').catch(() => undefined)
        : undefined
      const state = await inspectServer(context)
      const { live } = state
      const there = state.releases.find((release) => release.source === source)
      if (there) return { ...ok(`release ${there.id} holds these sources`), fact: { live, wasThere: true } }
      const fact = { live, wasThere: false }
      if (ahead.willChange(build)) {
        return { state: 'create', what: 'a release, as soon as it is built', effects: [], fact }
      }
      const publication = await preparePublication(context, state, source, { exported, manifest }, 'quick')
      const { facts, plan } = publication
      return {
        state: 'create',
        what: `release ${facts.id}: ${describeUpload(publication)}`,
        fields: [{ name: 'files to send', after: `${plan.send.length} of ${publication.files.size}` }],
        effects: [stageCommand(config, publication, { bytes: 0 })],
        fact: { ...fact, publication },
      }
    },
    async apply({ fact }, log) {
      let prepared = fact!.publication!
      let wire: Traffic = { bytes: 0 }
      const { code } = await runner.run(stageCommand(config, prepared, wire))
      if (code === changedByHand) {
        log(`release ${prepared.base} was changed by hand on the VPS; comparing every file`)
        const state = await inspectServer(context)
        prepared = await preparePublication(context, state, await getSourceHash(context), {}, 'full')
        wire = { bytes: 0 }
        const again = await runner.run(stageCommand(config, prepared, wire))
        if (again.code === changedByHand) throw createIncompleteError(again.stderr)
      }
      const staged = { ...prepared.facts, pinned: false }
      updateServerState(context, (known) => ({ ...known, releases: [...known.releases, staged] }))
      log(`${describeUpload(prepared)}, ${formatBytes(wire.bytes)} on the wire`)
    },
  }
}

/** The live release before and after the switch; equal when nothing was switched, '' when there is none. */
export interface Switched {
  from: string
  to: string
}

/** Makes the uploaded release the one that is served. */
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
          what: 'No release of the present sources lies on the VPS',
          next: `Publish it: ${formatScriptLine('publish-frontend')}`,
        })
      }
      const { frontend: bad } = await readBadReleases(context)
      // One that this run has uploaded is new, and nobody can have marked it.
      const mark = ahead.fact(upload).wasThere ? bad.get(found.id) : undefined
      const caution = mark ? `; it is marked as bad (${mark.why}), and published all the same` : ''
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

/** The command that switches, with the ids that may go. */
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

const createIncompleteError = (said: string) =>
  new OpsError({
    what: 'The release did not arrive complete; nothing was published',
    said: said.trim(),
    next: 'Run this command again. If it repeats, the disk of the VPS or the export in out/ changes meanwhile.',
  })

/** Makes a release that lies on the VPS the live one, by one rename. Nothing travels, and none is removed. */
export const switchBackCommand = (config: Config, id: string): Command =>
  remoteScript(config, 'change', 'switch', [getSiteRoot(config), id])

/** Runs it, and gives the milliseconds that the switch itself took. Caches are told afterwards (purge.ts). */
export async function switchBack(context: Context, id: string, log: Log): Promise<number> {
  const { config, runner } = context
  const started = performance.now()
  await runner.run(switchBackCommand(config, id))
  const ms = Math.round(performance.now() - started)
  invalidateServerState(context)
  log(`release ${id} is live, switched in ${ms} ms`)
  return ms
}
