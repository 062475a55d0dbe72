import { realpathSync } from 'node:fs'
import path from 'node:path'
import type { Command as Parser } from 'commander'
import { type Config, noteConfig, noteEnvironment } from '../config/config.ts'
import { quoteToPaste } from '../shell/quote.ts'
import type { Recorder } from '../shell/recorder.ts'
import { createRedactor } from '../shell/redactor.ts'
import { exitCode, getMessage, OpsError, usageError } from '../util/errors.ts'
import { escapeControls, writeErr, writeJson, writeOut } from '../util/terminal.ts'
import { explainChoices } from './choices.ts'

export interface CommonFlags {
  env?: string
  dryRun?: boolean
  detailedExitcode?: boolean
  yes?: boolean
  json?: boolean
  quiet?: boolean
  verbose?: boolean
  color?: boolean
  record?: string
}

export interface Script<Flags extends object> {
  /** The NAME in `npx dominion NAME`. */
  name: string
  /** One line, shown by --help and by `npx dominion`, whose launcher finds `summary: '…',` in the text of the script. */
  summary: string
  /** Whether it changes anything. If so, it takes --dry-run, --detailed-exitcode and --yes. */
  changes: boolean
  options?: (parser: Parser) => unknown
  /** Maps the flags of the tool that this one replaces (in lower case) to their current names. */
  legacyFlags?: Readonly<Record<string, string>>
  /** For a script with another program's exit codes: the code of every failure, and its line on stdout without --json. */
  failure?: { exitCode: number; line(what: string): string }
  /** Whether Ctrl-C is the normal way to end it. If so, no message is printed. */
  endsByCtrlC?: (flags: Flags) => boolean
  /** Whether the first signal stops it at once. Only for a script that is read-only or safe to interrupt anywhere. */
  stopsAtOnce?: true
  /** Resolves to the exit code; undefined means 0. */
  run(run: Run<Flags & CommonFlags>): Promise<number | undefined>
}

/** A script that a test can import; `start` runs it with the arguments of this process. */
export const defineScript = <Flags extends object>(script: Script<Flags>) => ({
  ...script,
  start: () => startScript(script),
})

/** Whether this module is the program that was started, directly or by the launcher. */
export function isMain({ filename }: ImportMeta): boolean {
  const [, started] = process.argv
  try {
    return started !== undefined && path.relative(realpathSync(started), filename) === ''
  } catch {
    return false
  }
}

export interface Run<Flags> {
  script: string
  flags: Flags
  /** The command that repeats this run, for the operator to paste. */
  resumeCommand: string
  /** Reads `.env` (and `.env.NAME`). */
  config(): Promise<Config>
  /** Aborted by the first Ctrl-C or SIGTERM: finish the running steps and start no more. */
  stopping: AbortSignal
  /** Aborted by the second one: stop at once. */
  signal: AbortSignal
  /** The exit code for the signal that was received, if any. */
  interruptedBy(): number | undefined
  /** Prints a line of progress to stderr, unless --quiet is given. */
  log(line: string): void
  /** Prints the text to stdout, or with --json the data: once, and redacted unless the operator asked for a secret. */
  result(text: string, data: object, options?: { isSecret: true }): void
  /** Set when everything is done. From then on, signals are ignored because there is nothing left to interrupt. */
  complete?: true
  /** The log file with the details. Its path is printed with a failure. */
  transcript?: string
  /** Keeps the requests to Azure, with --record. */
  recorder?: Recorder
  /** Replaces secrets in a string with ***. */
  clean(text: string): string
}

async function startScript<Flags extends object>(about: Script<Flags>): Promise<void> {
  const argv = translateLegacyFlags(process.argv.slice(2), about.legacyFlags ?? {})
  let run: (Run<Flags & CommonFlags> & { said: boolean }) | undefined
  try {
    const flags = await parse(about, argv)
    noteEnvironment((flags as CommonFlags).env)
    run = createRun(about, flags as Flags & CommonFlags, argv)
    if (run.flags.color === false) process.env.NO_COLOR = '1'
    const code = await about.run(run)
    process.exitCode = (run.complete ? undefined : run.interruptedBy()) ?? code ?? exitCode.done
  } catch (thrown) {
    if (thrown instanceof Finished) return
    if (about.stopsAtOnce && run?.signal.aborted) {
      writeErr('\nStopped.\n')
      process.exit(run.interruptedBy())
    }
    process.exitCode = run?.interruptedBy() ?? about.failure?.exitCode ?? codeOf(thrown)
    printFailure(about, thrown, process.exitCode, run, argv.includes('--json'))
  }
  if (run?.flags.record !== undefined)
    run.log(run.recorder?.summary() ?? '! Nothing was recorded: this script makes no request to Azure')
  if (run?.transcript) {
    const { endTranscript } = await import('../shell/transcript.ts')
    endTranscript(run.transcript, Number(process.exitCode))
  }
  // Interrupted steps may still hold timers and connections open.
  if (run?.signal.aborted) process.exit()
}

function printFailure<Flags extends object>(
  about: Script<Flags>,
  thrown: unknown,
  code: number,
  run: (Run<Flags & CommonFlags> & { said: boolean }) | undefined,
  wantsJson: boolean,
): void {
  const { clean } = run ?? createRedactor()
  const report = failureReport(thrown, clean, code, run)
  if (!run?.said) {
    if (wantsJson || run?.flags.json) writeJson(`${JSON.stringify({ ok: false, ...report.data })}\n`)
    else if (about.failure) writeOut(`${clean(about.failure.line(getMessage(thrown)))}\n`)
  }
  writeErr(report.text)
  const isBug = thrown instanceof Error && !(thrown instanceof OpsError)
  if (run?.flags.verbose && isBug) writeErr(`${clean(thrown.stack ?? '')}\n`)
}

/** Thrown after --help was printed. */
class Finished extends Error {}

async function parse<Flags extends object>(about: Script<Flags>, argv: string[]): Promise<object> {
  const { Command, CommanderError } = await import('commander')
  const parser = new Command(`dominion ${about.name}`)
    .description(about.summary)
    .exitOverride()
    .configureOutput({ writeErr() {} })
    .helpOption('-h, --help', 'Show this help')
    .option('--env <name>', 'Read .env.NAME on top of .env')
    .option('--json', 'Print one JSON document on stdout')
    .option('-q, --quiet', 'Print only the result')
    .option('-v, --verbose', 'Print more details')
    .option('--no-color', 'Disable colours')
    .option('--record <folder>', 'Record requests to Azure, without secrets')
  if (about.changes) {
    parser
      .option('-n, --dry-run', 'Show every command without changing anything')
      .option('--detailed-exitcode', 'With --dry-run: exit 0 if nothing would change, 2 if something would')
      .option('-y, --yes', 'Skip confirmation prompts')
  }
  about.options?.(parser)
  const next = `npx dominion ${about.name} --help lists the flags.`
  explainChoices(parser, next)
  try {
    parser.parse(argv, { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    if (thrown.exitCode === 0) throw new Finished()
    throw usageError(thrown.message.replace(/^error: /, '').replace(/\n\(/, ' ('), next)
  }
  const flags = parser.opts()
  if (flags.detailedExitcode && !flags.dryRun) throw usageError('--detailed-exitcode needs --dry-run', next)
  return flags
}

/** Replaces flags such as `-SkipAzure`, in any case, with their current names. */
export const translateLegacyFlags = (
  argv: readonly string[],
  old: Readonly<Record<string, string>>,
): string[] => argv.map((word) => (Object.hasOwn(old, word.toLowerCase()) ? old[word.toLowerCase()]! : word))

function createRun<Flags extends CommonFlags>(
  about: Pick<Script<Flags>, 'name' | 'endsByCtrlC' | 'stopsAtOnce'>,
  flags: Flags,
  argv: string[],
): Run<Flags> & { said: boolean } {
  const { stopping, signal, interruptedBy } = listenForSignals(about.stopsAtOnce === true, (line) => {
    if (!about.endsByCtrlC?.(flags)) run.log(line)
  })
  let warned = false
  const run: Run<Flags> & { said: boolean } = {
    script: about.name,
    flags,
    said: false,
    resumeCommand: quoteToPaste(['npx', 'dominion', about.name, ...argv]),
    async config() {
      const { loadConfig } = await import('../config/load.ts')
      const config = await loadConfig(process.cwd(), flags.env)
      noteConfig(config)
      if (!warned) await warnIfExposed(config, run.log)
      warned = true
      return config
    },
    stopping,
    signal,
    interruptedBy,
    log(line) {
      if (!flags.quiet) writeErr(`${run.clean(line)}\n`)
    },
    result(text, data, options) {
      run.said = true
      const shown = (printed: string) => (options?.isSecret ? printed : run.clean(printed))
      if (flags.json) writeJson(`${shown(JSON.stringify(data))}\n`)
      else writeOut(`${shown(text)}\n`)
    },
    clean: createRedactor().clean,
  }
  return run
}

async function warnIfExposed({ folder, environment }: Config, log: (line: string) => void): Promise<void> {
  const { describeExposed, findExposedFiles } = await import('../config/exposedFiles.ts')
  const files = await findExposedFiles(folder, environment)
  if (files.length === 0) return
  const { detail, next } = describeExposed(files)
  log(`! ${detail}: ${next}`)
}

/** Signals closer together than this (in milliseconds) count as one. */
const echoMs = 100

function listenForSignals(atOnce: boolean, log: (line: string) => void) {
  const stopping = new AbortController()
  const now = new AbortController()
  let by: number | undefined
  let heardAt = 0
  const on = (code: number) => () => {
    // `timeout` and sudo forward a signal that the terminal has already sent to every process, so one key
    // press can arrive as two signals.
    if (by !== undefined && Date.now() - heardAt < echoMs) return
    heardAt = Date.now()
    if (by !== undefined) return now.abort(new Error('stopped by a second signal'))
    by = code
    if (atOnce) {
      stopping.abort()
      return now.abort(new Error('stopped by a signal'))
    }
    log('\nFinishing the current step; press Ctrl-C again to stop now.')
    stopping.abort()
  }
  process.on('SIGINT', on(exitCode.interrupted))
  process.on('SIGTERM', on(exitCode.terminated))
  // The terminal was closed, but the running steps are still finished.
  process.on('SIGHUP', on(exitCode.hungUp))
  // A reader that closes the pipe early (`| head`) is not an error; a result that cannot be written is.
  process.stderr.on('error', () => {})
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return
    process.exitCode = exitCode.failed
    writeErr(`✖ The result could not be written: ${error.message}\n`)
  })
  return { stopping: stopping.signal, signal: now.signal, interruptedBy: () => by }
}

const codeOf = (thrown: unknown): number => (thrown instanceof OpsError ? thrown.exitCode : exitCode.failed)

function failureReport<Flags>(
  thrown: unknown,
  clean: (text: string) => string,
  code: number,
  run: Run<Flags> | undefined,
): { text: string; data: object } {
  const failure = thrown instanceof OpsError ? thrown.failure : { what: getMessage(thrown) }
  const said = failure.said?.trim()
  const resumable = run !== undefined && codeOf(thrown) !== exitCode.usage
  const lines = [
    `✖ ${failure.what}`,
    ...(said ? said.split('\n').map((line) => `  │ ${line}`) : []),
    ...(failure.next ? [`→ ${failure.next}`] : []),
    ...(run?.transcript ? [`  Transcript:  ${run.transcript}`] : []),
    ...(resumable ? [`  Resume with: ${run.resumeCommand}`] : []),
  ]
  const data = {
    exitCode: code,
    error: {
      // These fields are prose, not data. Escape them, so that a terminal can show them safely once they are
      // taken out of the document.
      what: escapeControls(clean(failure.what)),
      said: said && escapeControls(clean(said)),
      next: failure.next && escapeControls(clean(failure.next)),
    },
    ...(run?.transcript ? { transcript: run.transcript } : {}),
    ...(resumable ? { resume: run.resumeCommand } : {}),
  }
  return { text: clean(`${lines.join('\n')}\n`), data }
}
