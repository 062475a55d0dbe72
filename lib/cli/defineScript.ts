import type { Command as Parser } from 'commander'
import type { Config } from '../config/config.ts'
import { noteConfig, noteEnvironment } from '../config/pasteLine.ts'
import { quoteLine } from '../shell/quote.ts'
import { createRedactor } from '../shell/redactor.ts'
import { exitCode, getMessage, OpsError, usageError } from '../util/errors.ts'
import { printable, writeErr, writeJson, writeOut } from '../util/terminal.ts'

/** The flags every script takes alike. */
export interface CommonFlags {
  env?: string
  dryRun?: boolean
  detailedExitcode?: boolean
  yes?: boolean
  json?: boolean
  quiet?: boolean
  verbose?: boolean
  color?: boolean
}

export interface Script<Flags extends object> {
  /** As in `npx dominion NAME`. */
  name: string
  /** One line; `npx dominion` lists it. */
  summary: string
  /** Does it change anything? Then it takes --dry-run, --detailed-exitcode and --yes. */
  changes: boolean
  /** Adds the flags of this script. */
  flags?: (parser: Parser) => void
  /** Spellings of an older tool, in lower case, and what they mean now. */
  legacyFlags?: Readonly<Record<string, string>>
  /**
   * For a script whose exit codes are another program's (a monitoring plugin's): the one of every failure, and a line of it
   * for stdout unless JSON is wanted there.
   */
  failure?: { exitCode: number; line(what: string): string }
  /** Ctrl-C is how it ends: nothing needs to be said of it. */
  endsByCtrlC?: (flags: Flags) => boolean
  /** It only looks, or can be left anywhere: the first signal stops it at once. */
  stopsAtOnce?: true
  /** Gives the exit code, or nothing for 0. */
  main(run: Run<Flags & CommonFlags>): Promise<number | undefined>
}

/** One run of a script. */
export interface Run<Flags> {
  flags: Flags
  /** The line that does the same again, for the operator to paste. */
  again: string
  /** Reads `.env` (and `.env.NAME`). */
  config(): Promise<Config>
  /** First Ctrl-C or SIGTERM: finish what runs, begin nothing new. */
  stopping: AbortSignal
  /** Second Ctrl-C: stop at once. */
  signal: AbortSignal
  /** The exit code of the signal that came, if one did. */
  interruptedBy(): number | undefined
  /** A line of the story, to stderr; silent with --quiet. */
  story(line: string): void
  /**
   * The result, to stdout: the text, or with --json the data. Call it once.
   * @param options isSecret: the result is a secret that the operator asked for, so nothing in it is redacted
   */
  result(text: string, data: object, options?: { isSecret: true }): void
  /** Set when all was done: a signal that came too late to cut anything short does not count. */
  complete?: true
  /** Where the details of a failure are; printed with it. */
  transcript?: string
  /** Takes secrets out of anything printed. */
  clean(text: string): string
}

/** Parses the flags, runs the script, and turns whatever happens into words and an exit code. */
export async function defineScript<Flags extends object>(about: Script<Flags>): Promise<void> {
  const argv = translateLegacyFlags(process.argv.slice(2), about.legacyFlags ?? {})
  const wantsJson = argv.includes('--json')
  const clean = { text: createRedactor().clean }
  let run: (Run<Flags & CommonFlags> & { said: boolean }) | undefined
  try {
    const flags = await parse(about, argv)
    noteEnvironment((flags as CommonFlags).env)
    run = createRun(about, flags as Flags & CommonFlags, argv)
    if (run.flags.color === false) process.env.NO_COLOR = '1'
    const code = await about.main(run)
    process.exitCode = (run.complete ? undefined : run.interruptedBy()) ?? code ?? exitCode.done
  } catch (thrown) {
    if (thrown instanceof Finished) return
    if (about.stopsAtOnce && run?.signal.aborted) {
      writeErr('\nStopped.\n')
      process.exit(run.interruptedBy())
    }
    const words = run ? run.clean : clean.text
    process.exitCode = run?.interruptedBy() ?? about.failure?.exitCode ?? codeOf(thrown)
    const report = failureReport(thrown, words, process.exitCode, run)
    if (wantsJson || run?.flags.json) {
      if (!run?.said) writeJson(`${JSON.stringify({ ok: false, ...report.data })}\n`)
    } else if (about.failure && !run?.said) writeOut(`${words(about.failure.line(getMessage(thrown)))}\n`)
    writeErr(report.text)
    if (run?.flags.verbose && thrown instanceof Error && !(thrown instanceof OpsError)) {
      writeErr(`${words(thrown.stack ?? '')}\n`)
    }
  }
  if (run?.transcript) {
    const { endTranscript } = await import('../shell/transcript.ts')
    endTranscript(run.transcript, Number(process.exitCode))
  }
  // Steps that were left where they were may still hold timers and connections.
  if (run?.signal.aborted) process.exit()
}

/** --help was printed: nothing is left to do. */
class Finished extends Error {}

async function parse<Flags extends object>(about: Script<Flags>, argv: string[]): Promise<object> {
  const { Command, CommanderError } = await import('commander')
  const parser = new Command(`dominion ${about.name}`)
    .description(about.summary)
    .exitOverride()
    .configureOutput({ writeErr() {} })
    .helpOption('-h, --help', 'show this help')
    .option('--env <name>', 'read .env.NAME over .env')
    .option('--json', 'one JSON document on stdout')
    .option('-q, --quiet', 'say nothing but the result')
    .option('-v, --verbose', 'say more')
    .option('--no-color', 'plain text')
  if (about.changes) {
    parser
      .option('-n, --dry-run', 'show every effect, change nothing')
      .option('--detailed-exitcode', 'with --dry-run: exit 0 = no change, 2 = changes')
      .option('-y, --yes', 'answer yes to what would be asked')
  }
  about.flags?.(parser)
  try {
    parser.parse(argv, { from: 'user' })
  } catch (thrown) {
    if (!(thrown instanceof CommanderError)) throw thrown
    if (thrown.exitCode === 0) throw new Finished()
    throw usageError(
      thrown.message.replace(/^error: /, '').replace(/\n\(/, ' ('),
      `npx dominion ${about.name} --help shows the flags.`,
    )
  }
  const flags = parser.opts()
  if (flags.detailedExitcode && !flags.dryRun)
    throw usageError(
      '--detailed-exitcode goes with --dry-run',
      `npx dominion ${about.name} --help shows the flags.`,
    )
  return flags
}

/** Turns `-SkipAzure` and its like, in any case, into today's flags. */
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
    if (!about.endsByCtrlC?.(flags)) run.story(line)
  })
  const run: Run<Flags> & { said: boolean } = {
    flags,
    said: false,
    again: quoteLine(['npx', 'dominion', about.name, ...argv]),
    async config() {
      const { loadConfig } = await import('../config/load.ts')
      const config = await loadConfig(process.cwd(), flags.env)
      noteConfig(config)
      return config
    },
    stopping,
    signal,
    interruptedBy,
    story(line) {
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

/** Two signals nearer than this are one. */
const echoMs = 100

function listenForSignals(atOnce: boolean, story: (line: string) => void) {
  const stopping = new AbortController()
  const now = new AbortController()
  let by: number | undefined
  let heardAt = 0
  const on = (code: number) => () => {
    // `timeout`, sudo and their like hand on the signal that the terminal has sent to all: one key, heard twice.
    if (by !== undefined && Date.now() - heardAt < echoMs) return
    heardAt = Date.now()
    if (by !== undefined) return now.abort(new Error('stopped by a second signal'))
    by = code
    if (atOnce) {
      stopping.abort()
      return now.abort(new Error('stopped by a signal'))
    }
    story('\nStopping after the current step; once more stops at once.')
    stopping.abort()
  }
  process.on('SIGINT', on(exitCode.interrupted))
  process.on('SIGTERM', on(exitCode.terminated))
  // The terminal was closed: what runs is finished, though nobody hears of it any more.
  process.on('SIGHUP', on(exitCode.hungUp))
  // A reader that has seen enough (`| head`) is no fault; a result that could not be written is one.
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
    ...(run?.transcript ? [`  Transcript: ${run.transcript}`] : []),
    ...(resumable ? [`  To go on:   ${run.again}`] : []),
  ]
  const data = {
    exitCode: code,
    error: {
      // Words, not data: who takes one out of the document to show it shows it safely.
      what: printable(clean(failure.what)),
      said: said && printable(clean(said)),
      next: failure.next && printable(clean(failure.next)),
    },
    ...(run?.transcript ? { transcript: run.transcript } : {}),
    ...(resumable ? { resume: run.again } : {}),
  }
  return { text: clean(`${lines.join('\n')}\n`), data }
}
