import { hostname, userInfo } from 'node:os'
import path from 'node:path'
import type { CommonFlags, Run } from '../cli/defineScript.ts'
import type { Config } from '../config/config.ts'
import type { Host } from '../shell/remote.ts'
import type { Runner } from '../shell/runner.ts'
import type { VpsContext } from '../tasks/task.ts'
import { formatTimestamp } from '../util/time.ts'

/** A context that belongs to one run of one script. */
export interface OpenContext extends VpsContext {
  /** Names the run in the transcript, the lock and the receipt: UTC time, script, process id. */
  readonly id: string
  close(): Promise<void>
}

/**
 * Opens the runner, with its transcript in the state folder and a redactor that knows every configured
 * secret. Connections are opened at their first use.
 * @param mayChange false in a dry run and in read-only scripts
 * @param transcripts.folder for a script that runs every few minutes, so that its transcripts do not displace
 * those of deploys
 * @param transcripts.unwritable called with the reason when the run continues without a transcript
 */
export async function openContext(
  run: Run<CommonFlags>,
  config: Config,
  script: string,
  mayChange: boolean,
  transcripts: { folder?: string; unwritable?: (thrown: unknown) => void } = {},
): Promise<OpenContext> {
  // Imported here because `--help` loads this file but needs none of them.
  const [
    { isReference },
    { assertStateDir },
    { createAzNetworkOptions, createNetworkOptions },
    { createRedactor },
    { createRunner },
    { bestEffort, openTranscript },
  ] = await Promise.all([
    import('../config/secret.ts'),
    import('../config/stateDir.ts'),
    import('../config/network.ts'),
    import('../shell/redactor.ts'),
    import('../shell/runner.ts'),
    import('../shell/transcript.ts'),
  ])
  await assertStateDir(config, transcripts.unwritable === undefined)
  const { webhook, slack, teams, email } = config.alerts
  const addresses = [config.health.pingUrl, webhook, slack, teams, email.smtp]
  const secrets = createRedactor(
    [config.postgres.password, config.backend.secretKey, config.ionos.dnsKey, ...addresses]
      .filter((secret) => secret.given && !isReference(secret.text()))
      .flatMap((secret) => [secret.text(), ...secret.derive(secret.text())])
      .concat(passwordOf(config.network.azEnvironment.HTTPS_PROXY)),
  )
  // The prompts before a task list and the list itself share one transcript.
  const started = run.transcript === undefined ? undefined : path.basename(run.transcript, '.jsonl')
  const id = started ?? `${formatTimestamp(Date.now())}-${script}-${process.pid}`
  const { folder = 'transcripts', unwritable } = transcripts
  const strict = openTranscript(path.join(config.stateDir, folder), id, secrets.clean)
  const transcript = unwritable ? bestEffort(strict, unwritable) : strict
  if (run.flags.record !== undefined && !run.recorder) {
    const { openRecorder } = await import('../azure/recording/recorder.ts')
    run.recorder = openRecorder({ folder: path.resolve(run.flags.record), id, script })
  }
  run.recorder?.cleanWith(secrets.clean)
  const runner: Runner = createRunner({
    secrets,
    transcript,
    reach: createNetworkOptions(config),
    azReach: () => createAzNetworkOptions(config, process.env),
    env: process.env,
    // The proxy is only for az: npm and git have their own settings.
    envOf: { az: config.network.azEnvironment },
    recorder: run.recorder,
    mayChange,
    signal: run.signal,
    openHost: async (host, leaving) =>
      (await import('../vps/ssh/connect.ts')).openHost({ config, runner }, host, leaving, {
        greeting(text) {
          if (run.flags.verbose) run.log(secrets.clean(greetingLine(host, text)))
        },
        note: (text) => run.log(secrets.clean(text)),
      }),
    openDatabase: async (name, as) =>
      (await import('../database/connect.ts')).openDatabase({ config, runner }, name, as),
  })
  run.clean = secrets.clean
  run.transcript = transcript.file
  if (!started)
    transcript.write({ kind: 'start', script, line: run.resumeCommand, by: whoami(), pid: process.pid })
  return { config, runner, server: config.servers[0], id, close: () => runner.close() }
}

/** What the login shell prints before every command; shown with --verbose. */
function greetingLine({ user, address }: Host, greeting: string): string {
  const lines = greeting.split(/\r?\n/).filter((line) => line.trim() !== '')
  const shown = [...lines.slice(0, 10), ...(lines.length > 10 ? [`… ${lines.length - 10} more lines`] : [])]
  return [
    `Ignored what the login shell of ${user} on ${address} prints before each command:`,
    ...shown.map((line) => `  ${line.slice(0, 200)}`),
  ].join('\n')
}

/** Opens a context, passes it to `use`, and closes it. Returns the exit code of `use`. */
export async function withContext(
  run: Run<CommonFlags>,
  script: string,
  mayChange: boolean,
  use: (context: OpenContext) => Promise<number>,
): Promise<number> {
  const context = await openContext(run, await run.config(), script, mayChange)
  try {
    return await use(context)
  } finally {
    await context.close()
  }
}

/** The password in a proxy's URL, encoded and decoded: az prints the URL in its errors. */
function passwordOf(url: string | undefined): string[] {
  const password = url && URL.canParse(url) ? new URL(url).password : ''
  return password ? [password, decodeURIComponent(password)] : []
}

/** user@machine, as in the lock and the receipt. */
export function whoami(): string {
  let user = 'unknown'
  try {
    user = userInfo().username
  } catch {
    // A user without an entry in the password file (a container) has no name.
  }
  return `${user}@${hostname()}`
}
