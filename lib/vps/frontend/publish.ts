import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Log, ok, type Task } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { formatBytes } from '../../util/format.ts'
import { type BadReleases, badReleases } from '../badReleases.ts'
import { siteRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import { inspectServer, invalidateServerState, learn, type ServerState } from '../serverState.ts'
import { readNote } from './build.ts'
import {
  createManifest,
  describe,
  liveOne,
  type Publication,
  preparePublication,
  readEarly,
} from './prepare.ts'
import { toPrune } from './release.ts'
import { getSource } from './sources.ts'
import { altered, stageCommand, type Wire } from './upload.ts'

const lastLive = new WeakMap<Context, string>()

/** The id of the release that is live as far as this run has seen; undefined when it has not looked, or there is none. */
export const liveRelease = (context: Context): string | undefined => lastLive.get(context) || undefined

/** Brings the export to the VPS as a release beside the live one. Nothing that is served changes. */
export function uploadTask(context: Context): Task {
  const { config, runner } = context
  let prepared: Publication | undefined
  const exported = readEarly(context)
  return {
    id: 'frontend-upload',
    title: 'Upload the pages',
    part: 'ionos',
    after: ['server', 'frontend-build'],
    async inspect(ahead) {
      const source = await getSource(context)
      // Asked beside the survey when there is something to publish, as far as can be told before it.
      const built = readNote(config)?.source === source
      const manifest = built ? createManifest(context, liveOne, 'quick').catch(() => undefined) : undefined
      const survey = await inspectServer(context)
      lastLive.set(context, survey.live)
      const there = survey.releases.find((release) => release.source === source)
      if (there) return ok(`release ${there.id} holds these sources`)
      if (ahead.willChange('frontend-build')) {
        return { state: 'create', what: 'a release, as soon as it is built', effects: [] }
      }
      prepared = await preparePublication(context, survey, source, { exported, manifest }, 'quick')
      const { facts, plan } = prepared
      return {
        state: 'create',
        what: `release ${facts.id}: ${describe(prepared)}`,
        fields: [{ name: 'files to send', after: `${plan.send.length} of ${prepared.files.size}` }],
        effects: [stageCommand(config, prepared, { bytes: 0 })],
      }
    },
    async apply(_difference, tell) {
      if (!prepared) return
      let wire: Wire = { bytes: 0 }
      const { code } = await runner.run(stageCommand(config, prepared, wire))
      if (code === altered) {
        tell(`release ${prepared.base} was changed by hand on the VPS; comparing every file`)
        const survey = await inspectServer(context)
        prepared = await preparePublication(context, survey, await getSource(context), {}, 'full')
        wire = { bytes: 0 }
        const again = await runner.run(stageCommand(config, prepared, wire))
        if (again.code === altered) throw notWhole(again.stderr)
      }
      const staged = { ...prepared.facts, marked: false }
      learn(context, (known) => ({ ...known, releases: [...known.releases, staged] }))
      tell(`${describe(prepared)}, ${formatBytes(wire.bytes)} on the wire`)
    },
  }
}

/** Makes the uploaded release the one that is served. */
export function switchTask(context: Context): Task {
  const { runner } = context
  let target = ''
  return {
    id: 'frontend-switch',
    title: 'Switch to the new pages',
    part: 'ionos',
    after: ['frontend-upload'],
    async inspect(ahead) {
      const source = await getSource(context)
      const survey = await inspectServer(context)
      lastLive.set(context, survey.live)
      const live = survey.releases.find((release) => release.id === survey.live)
      if (live?.source === source) return ok(`release ${live.id} is live`)
      const found = survey.releases.filter((release) => release.source === source).at(-1)
      if (!found) {
        if (ahead.willChange('frontend-upload') || ahead.willChange('frontend-build')) {
          const fields = [{ name: 'live release', before: survey.live || undefined, after: 'the new one' }]
          return { state: survey.live ? 'change' : 'create', what: 'after the upload', fields, effects: [] }
        }
        throw new OpsError({
          what: 'No release of the present sources lies on the VPS',
          next: `Publish it: ${formatScriptLine('publish-frontend')}`,
        })
      }
      target = found.id
      const { frontend: bad } = await badReleases(context)
      return {
        state: survey.live ? 'change' : 'create',
        what: `release ${target}`,
        fields: [{ name: 'live release', before: survey.live || undefined, after: target }],
        effects: [switchCommand(context, survey, target, bad)],
      }
    },
    async apply(difference, tell) {
      if (!('effects' in difference) || target === '') return
      for (const effect of difference.effects as readonly Command[]) await runner.run(effect)
      lastLive.set(context, target)
      invalidateServerState(context)
      tell(`release ${target} is live`)
    },
  }
}

/** The command that switches, with the ids that may go. */
export function switchCommand(
  { config }: Pick<Context, 'config'>,
  survey: ServerState,
  target: string,
  bad: BadReleases['frontend'],
): Command {
  const old = toPrune(survey.releases, {
    live: target,
    previous: survey.live === target ? survey.previous : survey.live,
    keep: config.ionos.keepReleases,
    bad,
  })
  return remoteScript(config, 'change', 'switch', [siteRoot(config), target, ...old])
}

const notWhole = (said: string) =>
  new OpsError({
    what: 'The release did not arrive whole; nothing was published',
    said: said.trim(),
    next: 'Run the same line again. If it repeats, the disk of the VPS or the export in out/ changes meanwhile.',
  })

/** Makes a release that lies on the VPS the live one, by one rename. Nothing travels, and none is removed. */
export const switchBackCommand = (config: Config, id: string): Command =>
  remoteScript(config, 'change', 'switch', [siteRoot(config), id])

/** Runs it, and gives the milliseconds that the switch itself took. Caches are told afterwards (purge.ts). */
export async function switchBack(context: Context, id: string, tell: Log): Promise<number> {
  const { config, runner } = context
  const started = performance.now()
  await runner.run(switchBackCommand(config, id))
  const ms = Math.round(performance.now() - started)
  invalidateServerState(context)
  tell(`release ${id} is live, switched in ${ms} ms`)
  return ms
}
