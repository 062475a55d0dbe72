import { setTimeout as sleep } from 'node:timers/promises'
import type { Arm } from '../azure/arm.ts'
import { groupId, groupNames, groupsId, isOwnGroup, workerNames } from '../azure/resources/containerGroups.ts'
import type { Config } from '../config/config.ts'
import { formatScriptLine } from '../config/pasteLine.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import { findNewLines, splitLines } from './buffers.ts'
import type { Source } from './merge.ts'
import { createFailingSource, type SourceOptions } from './options.ts'
import { createLineParser, type LogLine, parseContainerTimestamp } from './parse.ts'

/** Azure keeps 4 MB of a container's log; a little less is used here because whole lines are cut off. */
const keptBytes = 4 * 1024 * 1024 - 64 * 1024
const pollMs = 1000
const retryPollMs = 5000
/** Lines read each second; when all of them are new, the whole log is read. */
const windowLines = 100

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => {})

/**
 * The containers of backend and workers as one source that discovers the others: only Azure knows which exist (during
 * a release there is a second backend). Empty when none of them is wanted.
 */
export function containerSources(
  config: Config,
  open: (signal: AbortSignal) => Arm,
  wanted: SourceOptions,
): Source[] {
  const expected = [groupNames.backend, ...workerNames(config)].filter((group) =>
    wanted.only(shortName(group)),
  )
  if (expected.length === 0 && !wanted.only(shortName(groupNames.surge))) return []
  return [
    {
      id: [...new Set(expected.map(shortName))].join(', ') || shortName(groupNames.surge),
      async *open(signal, add) {
        const arm = open(signal)
        const reading = new Set<string>()
        const addFound = (found: readonly ContainerLog[]) => {
          for (const logged of found) {
            const { source } = logged
            if (!wanted.only(source) || reading.has(source)) continue
            reading.add(source)
            add({
              id: source,
              async *open(within) {
                try {
                  yield* readContainer(config, arm, logged, wanted, within)
                } finally {
                  reading.delete(source)
                }
              },
            })
          }
        }
        const found = await listContainerLogs(config, arm)
        const missing = expected.filter((name) => !found.some(({ group }) => group === name))
        for (const name of missing)
          add({ id: shortName(name), open: () => createFailingSource(missingGroupError(config, name)) })
        addFound(found)
        if (!wanted.follow) return
        yield []
        while (!signal.aborted) {
          await pause(retryPollMs, signal)
          // While Azure does not answer, the containers' own sources report it.
          addFound(await listContainerLogs(config, arm).catch(() => []))
        }
      },
    },
  ]
}

const missingGroupError = (config: Config, group: string): OpsError =>
  new OpsError({
    what: `Container group ${group} does not exist in ${config.azure.resourceGroup}`,
    next: `Create it: ${formatScriptLine('release-containers')}`,
  })

async function* readContainer(
  config: Config,
  arm: Arm,
  logged: ContainerLog,
  wanted: SourceOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  const { source, group } = logged
  const { since, follow, warn: trouble } = wanted
  // To follow, read at least a window, however few lines are shown.
  const tail = since === undefined ? wanted.tail : undefined
  const text = await readLog(
    config,
    arm,
    logged,
    follow && tail !== undefined ? Math.max(tail, windowLines) : tail,
  )
  if (text === undefined) throw missingGroupError(config, group)
  const first = splitLines(text)
  const dates = createLineParser(source, parseContainerTimestamp, since)
  const shown = wanted.tail === undefined ? first.lines : takeLast(first.lines, wanted.tail)
  const lines = [...dates.take(shown), ...dates.rest()]
  const oldest = parseContainerTimestamp(first.lines[0] ?? '').at
  if (Buffer.byteLength(text) > keptBytes && oldest !== undefined && oldest > (since ?? 0))
    trouble(
      source,
      `Azure keeps only the latest 4 MB of the log, which starts at ${new Date(oldest).toISOString()}`,
    )
  if (lines.length > 0) yield lines
  if (!follow) return
  yield []
  yield* followContainer(config, arm, logged, takeLast(first.lines, windowLines), wanted, signal)
}

const takeLast = <T>(list: readonly T[], count: number): T[] => (count > 0 ? list.slice(-count) : [])

/** Polls every second and yields new lines until the container is gone. Failures are reported and retried. */
async function* followContainer(
  config: Config,
  arm: Arm,
  logged: ContainerLog,
  first: readonly string[],
  { warn: trouble }: SourceOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  const { source } = logged
  const dates = createLineParser(source, parseContainerTimestamp)
  let seen: readonly string[] = first
  let half: string | undefined
  let failure = ''
  while (!signal.aborted) {
    await pause(failure ? retryPollMs : pollMs, signal)
    let found: NewOutput | undefined
    try {
      found = await readNewOutput(config, arm, logged, seen)
    } catch (thrown) {
      if (signal.aborted) return
      if (failure !== getMessage(thrown)) trouble(source, getMessage(thrown))
      failure = getMessage(thrown)
      continue
    }
    if (failure) trouble(source, 'is responding again')
    failure = ''
    if (!found) {
      trouble(source, `${logged.group} no longer exists`)
      return
    }
    const { fresh, growing } = found
    // An unterminated line waits for one more read, but not longer.
    if (growing && fresh.length > 0 && fresh.at(-1) !== half) half = fresh.pop()
    else half = undefined
    if (fresh.length === 0) continue
    seen = takeLast([...seen, ...fresh], windowLines)
    yield [...dates.take(fresh), ...dates.rest()]
  }
}

interface NewOutput {
  fresh: string[]
  growing: boolean
}

/** Reads what a container has written since the `seen` lines; undefined when it is gone. */
async function readNewOutput(
  config: Config,
  arm: Arm,
  logged: ContainerLog,
  seen: readonly string[],
): Promise<NewOutput | undefined> {
  const text = await readLog(config, arm, logged, windowLines)
  if (text === undefined) return undefined
  const { lines, growing } = splitLines(text)
  const fresh = findNewLines(seen, lines)
  if (fresh) return { fresh, growing }
  // More than a window since the last read, or a replaced container: read the whole log.
  const all = lines.length < windowLines ? text : await readLog(config, arm, logged)
  if (all === undefined) return undefined
  const whole = splitLines(all)
  const meets = whole.lines.lastIndexOf(seen.at(-1) ?? '')
  return { fresh: whole.lines.slice(meets + 1), growing: whole.growing }
}

/** A container whose log can be read. */
export interface ContainerLog {
  /** `backend`, `backend-next`, `worker-2`; further containers of a group append their own name. */
  source: string
  group: string
  container: string
}

const shortName = (group: string): string => group.replace(/^codex-/, '')

const apiVersion = '2023-05-01'

interface Page {
  value: { name: string; properties: { containers: { name: string }[] } }[]
  nextLink?: string
}

/** Lists every container of our groups; empty when the resource group does not exist. */
async function listContainerLogs(config: Config, arm: Arm): Promise<ContainerLog[]> {
  const path = groupsId(config, await arm.subscription())
  const found: ContainerLog[] = []
  let query: Record<string, string> = { 'api-version': apiVersion }
  for (let more = true; more; ) {
    const page = await arm.get<Page>(path, query)
    for (const { name, properties } of page?.value ?? []) {
      if (!isOwnGroup(name)) continue
      for (const [index, { name: container }] of properties.containers.entries()) {
        const source = index === 0 ? shortName(name) : `${shortName(name)}/${container}`
        found.push({ source, group: name, container })
      }
    }
    more = Boolean(page?.nextLink)
    if (page?.nextLink) query = Object.fromEntries(new URL(page.nextLink).searchParams)
  }
  return found
}

/**
 * Reads a container's log, each line with its timestamp; undefined when the container does not exist. Azure keeps the
 * latest 4 MB. Source: learn.microsoft.com/rest/api/container-instances/containers/list-logs
 *
 * @param tail only the last lines
 */
export async function readLog(
  config: Config,
  arm: Arm,
  { group, container }: ContainerLog,
  tail?: number,
): Promise<string | undefined> {
  const path = `${groupId(config, await arm.subscription(), group)}/containers/${container}/logs`
  const answer = await arm.get<{ content?: string | null }>(path, {
    'api-version': apiVersion,
    timestamps: 'true',
    ...(tail === undefined ? {} : { tail: String(tail) }),
  })
  return answer && (answer.content ?? '')
}
