import type { Command } from '../command/command.ts'
import { OpsError } from '../command/errors.ts'
import { sizeWords } from '../command/words.ts'
import { formatScriptLine } from '../config/pasteLine.ts'
import type { Context } from '../steps/context.ts'
import { ok, type Step } from '../steps/step.ts'
import { type BadReleases, badReleases } from './badReleases.ts'
import { readNote } from './build.ts'
import {
  describe,
  liveOne,
  manifestOf,
  type Publication,
  preparePublication,
  readEarly,
} from './publication.ts'
import { toPrune } from './release.ts'
import { remoteScript } from './remoteScript.ts'
import { siteRoot } from './server.ts'
import { sourceOf } from './sources.ts'
import { altered, stageCommand, type Wire } from './stage.ts'
import { forget, learn, type Survey, surveyOf } from './survey.ts'

const lastLive = new WeakMap<Context, string>()

/** The id of the release that is live as far as this run has seen; undefined when it has not looked, or there is none. */
export const liveRelease = (context: Context): string | undefined => lastLive.get(context) || undefined

/** Brings the export to the VPS as a release beside the live one. Nothing that is served changes. */
export function uploadStep(context: Context): Step {
  const { config, runner } = context
  let prepared: Publication | undefined
  const exported = readEarly(context)
  return {
    id: 'frontend-upload',
    title: 'Upload the pages',
    part: 'ionos',
    after: ['server', 'frontend-build'],
    async inspect(ahead) {
      const source = await sourceOf(context)
      // Asked beside the survey when there is something to publish, as far as can be told before it.
      const built = readNote(config)?.source === source
      const manifest = built ? manifestOf(context, liveOne, 'quick').catch(() => undefined) : undefined
      const survey = await surveyOf(context)
      lastLive.set(context, survey.live)
      const there = survey.releases.find((release) => release.source === source)
      if (there) return ok(`release ${there.id} holds these sources`)
      if (ahead.pending('frontend-build')) {
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
        const survey = await surveyOf(context)
        prepared = await preparePublication(context, survey, await sourceOf(context), {}, 'full')
        wire = { bytes: 0 }
        const again = await runner.run(stageCommand(config, prepared, wire))
        if (again.code === altered) throw notWhole(again.stderr)
      }
      const staged = { ...prepared.facts, marked: false }
      learn(context, (known) => ({ ...known, releases: [...known.releases, staged] }))
      tell(`${describe(prepared)}, ${sizeWords(wire.bytes)} on the wire`)
    },
  }
}

/** Makes the uploaded release the one that is served. */
export function switchStep(context: Context): Step {
  const { runner } = context
  let target = ''
  return {
    id: 'frontend-switch',
    title: 'Switch to the new pages',
    part: 'ionos',
    after: ['frontend-upload'],
    async inspect(ahead) {
      const source = await sourceOf(context)
      const survey = await surveyOf(context)
      lastLive.set(context, survey.live)
      const live = survey.releases.find((release) => release.id === survey.live)
      if (live?.source === source) return ok(`release ${live.id} is live`)
      const found = survey.releases.filter((release) => release.source === source).at(-1)
      if (!found) {
        if (ahead.pending('frontend-upload') || ahead.pending('frontend-build')) {
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
      forget(context)
      tell(`release ${target} is live`)
    },
  }
}

/** The command that switches, with the ids that may go. */
export function switchCommand(
  { config }: Pick<Context, 'config'>,
  survey: Survey,
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
