import { appendFileSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { display } from '../../shell/command.ts'
import type { Recorder } from '../../shell/recorder.ts'
import { createPrivateFolder } from '../../shell/secretFile.ts'
import { getMessage, usageError } from '../../util/errors.ts'
import { makeFolder } from '../../util/files.ts'
import { formatCount } from '../../util/format.ts'
import { parseAzLog } from './azLog.ts'
import type { RawExchange } from './exchange.ts'
import { createSanitizer } from './sanitize.ts'

/** Azure Resource Manager, and the registry's own API. A key vault, for example, answers with secrets alone. */
const isRecorded = ({ url }: RawExchange): boolean =>
  /^https:\/\/(management\.azure\.com|[a-z0-9-]+\.azurecr\.io)[:/]/i.test(url)

/**
 * Records the requests of one run to Azure in FOLDER/ID.jsonl (0600): one exchange a line, without secrets. az writes
 * them to its own log file, in a folder that only this user can read and that is removed when az ends.
 * Throws (exit 2) when the folder cannot be used, or others may read it.
 */
export function openRecorder({
  folder,
  id,
  script,
}: {
  folder: string
  id: string
  script: string
}): Recorder {
  assertFolder(folder)
  const file = path.join(folder, `${id}.jsonl`)
  const redactors: ((text: string) => string)[] = []
  const sanitize = createSanitizer((text) => redactors.reduce((cleaned, clean) => clean(cleaned), text))
  let count = 0
  let trouble: string | undefined

  function write(exchanges: readonly RawExchange[], command: string): void {
    const lines = exchanges.filter(isRecorded).map((each) => JSON.stringify(sanitize(each, script, command)))
    if (lines.length === 0 || trouble !== undefined) return
    // The id names this run alone, so a file that is there before the first line is somebody else's.
    appendFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600, flag: count === 0 ? 'ax' : 'a' })
    count += lines.length
  }

  function attempt(act: () => void): void {
    try {
      act()
    } catch (thrown) {
      trouble ??= getMessage(thrown)
    }
  }

  return {
    watch(line) {
      const logs = createPrivateFolder()
      return {
        env: {
          AZURE_LOGGING_ENABLE_LOG_FILE: 'true',
          AZURE_LOGGING_LOG_DIR: logs.folder,
          // Requests made at the same time would be mixed up in the log.
          AZURE_CORE_DISABLE_CONCURRENT_IDS: 'true',
        },
        end() {
          attempt(() => write(parseAzLog(readLogs(logs.folder)), line))
          logs.remove()
        },
      }
    },
    add(request, { status, headers, body }) {
      const answerHeaders = Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, String(value)]),
      )
      const { method, url, headers: requestHeaders = {}, body: sent = '' } = request
      const at = new Date().toISOString()
      const raw = { at, method, url, requestHeaders, request: sent, status, answerHeaders, answer: body }
      attempt(() => write([raw], display(request)))
    },
    cleanWith: (clean) => void redactors.push(clean),
    summary() {
      if (trouble !== undefined) return `! The recording is incomplete: ${trouble}`
      return count === 0
        ? '! Nothing was recorded: no request to Azure was made'
        : `Recorded ${formatCount(count, 'request')} to Azure, without secrets: ${file}`
    },
  }
}

function assertFolder(folder: string): void {
  const existed = existsSync(folder)
  try {
    makeFolder(folder, 0o700)
  } catch (thrown) {
    throw usageError(`--record=${folder} cannot be created: ${getMessage(thrown)}`)
  }
  const { mode } = statSync(folder)
  if (existed && process.platform !== 'win32' && (mode & 0o077) !== 0)
    throw usageError(
      `--record=${folder} can be read by other users`,
      `chmod 700 ${folder}, or name a new folder.`,
    )
}

/** az's log and, when it grew beyond 10 MB, its earlier parts: az.log.5 is the oldest (RotatingFileHandler). */
function readLogs(folder: string): string {
  const part = (name: string) => Number(name.split('.')[2] ?? 0)
  const names = readdirSync(folder).sort((a, b) => part(b) - part(a))
  return names.map((name) => readFileSync(path.join(folder, name), 'utf8')).join('')
}
