import { setTimeout as sleep } from 'node:timers/promises'
import type { Arm } from '../azure/arm.ts'
import {
  getWantedNames,
  groupId,
  groupNames,
  groupsId,
  isOwnGroup,
} from '../azure/resources/containerGroups.ts'
import { type Config, formatScriptLine } from '../config/config.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import { findNewLines, splitLines, takeLast } from './buffers.ts'
import type { Source } from './merge.ts'
import { createFailingSource, type SourceOptions } from './options.ts'
import { createLineParser, type LogLine, parseContainerTimestamp } from './parse.ts'

/** Azure keeps 4 MB of a container's log; a little less is used here because Azure cuts off whole lines. */
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
  openArm: (signal: AbortSignal) => Arm,
  wanted: SourceOptions,
): Source[] {
  const expected = getWantedNames(config).filter((group) => wanted.only(shortName(group)))
  if (expected.length === 0 && !wanted.only(shortName(groupNames.surge))) return []
  const id = expected.map(shortName).join(', ') || shortName(groupNames.surge)
  async function* open(signal: AbortSignal, add: (source: Source) => void) {
    const arm = openArm(signal)
    const reading = new Set<string>()
    const addFound = (found: readonly ContainerLog[]) => {
      for (const log of found) {
        const { source } = log
        if (!wanted.only(source) || reading.has(source)) continue
        reading.add(source)
        add({
          id: source,
          async *open(within) {
            try {
              yield* readContainer({ config, arm, log, wanted, signal: within })
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
  }
  return [{ id, open }]
}

const missingGroupError = (config: Config, group: string): OpsError =>
  new OpsError({
    what: `Container group ${group} does not exist in ${config.azure.resourceGroup}`,
    next: `Create it: ${formatScriptLine('release-containers')}`,
  })

interface ContainerLog {
  /** `backend`, `backend-next`, `worker-2`; further containers of a group append their own name. */
  source: string
  group: string
  container: string
}

interface Reading {
  config: Config
  arm: Arm
  log: ContainerLog
  wanted: SourceOptions
  signal: AbortSignal
}

async function* readContainer(reading: Reading): AsyncGenerator<LogLine[]> {
  const { source, group } = reading.log
  const { since, tail, follow, warn } = reading.wanted
  // To follow, read at least a window, however few lines are shown.
  const last = tail !== undefined && follow ? Math.max(tail, windowLines) : tail
  const text = await readLog(reading, since === undefined ? last : undefined)
  if (text === undefined) throw missingGroupError(reading.config, group)
  const { lines } = splitLines(text)
  const parser = createLineParser(source, parseContainerTimestamp, since)
  const shown = [...parser.take(tail === undefined ? lines : takeLast(lines, tail)), ...parser.rest()]
  const oldest = parseContainerTimestamp(lines[0] ?? '').at
  if (Buffer.byteLength(text) > keptBytes && oldest !== undefined && oldest > (since ?? 0)) {
    const start = new Date(oldest).toISOString()
    warn(source, `Azure keeps only the latest 4 MB of the log, which starts at ${start}`)
  }
  if (shown.length > 0) yield shown
  if (!follow) return
  yield []
  yield* followContainer(reading, takeLast(lines, windowLines))
}

/** Polls every second and yields new lines until the container is gone. Failures are reported and retried. */
async function* followContainer(reading: Reading, first: readonly string[]): AsyncGenerator<LogLine[]> {
  const { signal, wanted, log } = reading
  const { source, group } = log
  const parser = createLineParser(source, parseContainerTimestamp)
  let seen = first
  let half: string | undefined
  let failure = ''
  while (!signal.aborted) {
    await pause(failure ? retryPollMs : pollMs, signal)
    let found: Awaited<ReturnType<typeof readNewOutput>>
    try {
      found = await readNewOutput(reading, seen)
    } catch (thrown) {
      if (signal.aborted) return
      if (failure !== getMessage(thrown)) wanted.warn(source, getMessage(thrown))
      failure = getMessage(thrown)
      continue
    }
    if (failure) wanted.warn(source, 'is responding again')
    failure = ''
    if (!found) return wanted.warn(source, `${group} no longer exists`)
    const { fresh, growing } = found
    // An unterminated line waits for one more read, but not longer.
    half = growing && fresh.length > 0 && fresh.at(-1) !== half ? fresh.pop() : undefined
    if (fresh.length === 0) continue
    seen = takeLast([...seen, ...fresh], windowLines)
    yield [...parser.take(fresh), ...parser.rest()]
  }
}

/** Reads what a container has written since the `seen` lines; undefined when it is gone. */
async function readNewOutput(reading: Reading, seen: readonly string[]) {
  const text = await readLog(reading, windowLines)
  if (text === undefined) return undefined
  const { lines, growing } = splitLines(text)
  const fresh = findNewLines(seen, lines)
  if (fresh) return { fresh, growing }
  // More than a window since the last read, or a replaced container: read the whole log.
  const all = lines.length < windowLines ? text : await readLog(reading)
  if (all === undefined) return undefined
  const whole = splitLines(all)
  const meets = whole.lines.lastIndexOf(seen.at(-1) ?? '')
  return { fresh: whole.lines.slice(meets + 1), growing: whole.growing }
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
  let query: Record<string, string> | undefined = { 'api-version': apiVersion }
  while (query) {
    const page: Page | undefined = await arm.get<Page>(path, query)
    for (const { name, properties } of page?.value ?? []) {
      if (!isOwnGroup(name)) continue
      for (const [index, { name: container }] of properties.containers.entries()) {
        const source = index === 0 ? shortName(name) : `${shortName(name)}/${container}`
        found.push({ source, group: name, container })
      }
    }
    query = page?.nextLink ? Object.fromEntries(new URL(page.nextLink).searchParams) : undefined
  }
  return found
}

/**
 * Reads a container's log, each line with its timestamp; undefined when the container does not exist. Azure keeps the
 * latest 4 MB. Source: learn.microsoft.com/rest/api/container-instances/containers/list-logs
 *
 * @param tail only the last lines
 */
async function readLog({ config, arm, log }: Reading, tail?: number): Promise<string | undefined> {
  const group = groupId(config, await arm.subscription(), log.group)
  const answer = await arm.get<{ content?: string | null }>(`${group}/containers/${log.container}/logs`, {
    'api-version': apiVersion,
    timestamps: 'true',
    ...(tail === undefined ? {} : { tail: String(tail) }),
  })
  return answer && (answer.content ?? '')
}
