import { formatScriptLine, type Server } from '../config/config.ts'
import type { HostCommand } from '../shell/command.ts'
import type { VpsContext } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { remoteScript } from '../vps/remote/vps.ts'
import type { Source } from './merge.ts'
import type { SourceOptions } from './options.ts'
import {
  createErrorTimestampParser,
  createLineParser,
  type LogLine,
  parseAccessTimestamp,
  readLines,
  type TimestampParser,
} from './parse.ts'

/** Debian's default paths, which our nginx templates do not change. */
const logFiles = { access: '/var/log/nginx/access.log', error: '/var/log/nginx/error.log' } as const
type Log = keyof typeof logFiles

/** Marks that the following lines are new (remote/nginx-log.sh). */
const liveMarker = '\x01'

/**
 * Reads one nginx log with its rotated parts (remote/nginx-log.sh).
 * @param ended resolves when nobody reads any longer; the script's standard input then ends, and with it the script
 */
export function nginxLogCommand(
  server: Server,
  log: Log,
  { since, tail, follow }: Pick<SourceOptions, 'since' | 'tail' | 'follow'>,
  ended: Promise<void>,
): HostCommand {
  const file = logFiles[log]
  const from = since === undefined ? '' : String(Math.floor(since / 1000))
  const args = [file, from, String(tail ?? ''), follow ? 'follow' : '']
  const next = `Set the server up: ${formatScriptLine('setup-server')}`
  const missing = { what: `${file} does not exist on the VPS`, said: undefined, next }
  // biome-ignore lint/correctness/useYield: an empty input that ends
  async function* payload() {
    await ended
  }
  return remoteScript(server, 'read', 'nginx-log', args, {
    explain: (output) => (output.includes(`cannot read ${file}`) ? missing : undefined),
    ...(follow ? { payload } : {}),
  })
}

export function nginxSources(context: VpsContext, wanted: SourceOptions): Source[] {
  const logs = (Object.keys(logFiles) as Log[]).filter((log) => wanted.only(log))
  return logs.map((id) => ({ id, open: (signal) => readNginxLog(context, id, wanted, signal) }))
}

async function* readNginxLog(
  { runner, server }: VpsContext,
  log: Log,
  wanted: SourceOptions,
  signal: AbortSignal,
): AsyncGenerator<LogLine[]> {
  const ended = Promise.withResolvers<void>()
  signal.addEventListener('abort', () => ended.resolve(), { once: true })
  const output = runner.stream(nginxLogCommand(server, log, wanted, ended.promise), signal)
  let dates: ReturnType<typeof createLineParser> | undefined
  for await (const texts of readLines(output)) {
    dates ??= createLineParser(log, createTimestampParser(log, texts.shift() ?? ''), wanted.since)
    const mark = wanted.follow ? texts.indexOf(liveMarker) : -1
    const lines = dates.take(texts.filter((text) => text !== liveMarker))
    if (mark >= 0) lines.push(...dates.rest())
    if (lines.length > 0) yield lines
    if (mark >= 0) yield []
  }
  const rest = dates?.rest() ?? []
  if (rest.length > 0) yield rest
  if (wanted.follow && !signal.aborted) {
    throw new OpsError({
      what: `${logFiles[log]} on the VPS is no longer followed because its reader has ended`,
    })
  }
}

/** @param clock the first line of remote/nginx-log.sh */
function createTimestampParser(log: Log, clock: string): TimestampParser {
  const [word, offset = '', zone = ''] = clock.split(' ')
  if (word !== 'clock') throw new OpsError({ what: `The VPS did not report its time zone but: ${clock}` })
  return log === 'access' ? parseAccessTimestamp : createErrorTimestampParser(zone, offset)
}
