import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { ProcessResult } from '../../shell/spawn.ts'
import type { Context } from '../../tasks/context.ts'
import type { Log } from '../../tasks/task.ts'
import { OpsError } from '../../util/errors.ts'
import { formatDuration } from '../../util/format.ts'
import { remoteScript } from '../remote/script.ts'
import { withAcmeReason } from './certbot.ts'

/**
 * How long to wait for another certbot. `certbot renew` without a terminal sleeps up to 8 minutes with its locks held
 * (certbot/_internal/renewal.py); Debian's timer switches that off, others do not.
 */
const patienceMs = 10 * 60_000

/** certbot locks its three folders one after the other, and fails when it cannot. */
const lockFiles = ['/etc/letsencrypt', '/var/lib/letsencrypt', '/var/log/letsencrypt'].map(
  (folder) => `${folder}/.certbot.lock`,
)

const isBusy = (thrown: unknown): thrown is OpsError =>
  thrown instanceof OpsError &&
  /Another instance of Certbot is already running/.test(thrown.failure.said ?? '')

/**
 * Runs certbot. While another one holds its locks (the renewal timer, or one that outlived a killed run), waits for it to
 * end, then asks for the command again: the other one may have obtained the certificate.
 *
 * @param certbot gives the command, or undefined when nothing is left to do; asked before each attempt
 * @returns undefined when there was nothing left to do
 * Throws what certbot fails with, in the CA's words; when the other one does not end, an error that names its process.
 */
export async function runCertbot(
  context: Context,
  certbot: () => Promise<Command | undefined>,
  log: Log,
  lockTimeoutMs = patienceMs,
): Promise<ProcessResult | undefined> {
  const { config, runner } = context
  const deadline = Date.now() + lockTimeoutMs
  for (;;) {
    const command = await certbot()
    if (!command) return undefined
    try {
      return await runner.run(command, log)
    } catch (thrown) {
      if (!isBusy(thrown)) return withAcmeReason(context, thrown)
      const seconds = Math.max(0, Math.ceil((deadline - Date.now()) / 1000))
      let holder = ''
      const { code } = await runner.run(waitCommand(config, seconds), (lines) => {
        for (const [, pid, line = ''] of lines.matchAll(/^holder\t(\d+)\t(.*)$/gm)) {
          holder = `process ${pid}: ${line.trim()}`
          log(
            `waiting for another certbot on the VPS to end, at most ${formatDuration(seconds * 1000)} (${holder})`,
          )
        }
      })
      if (code === stillHeld || Date.now() >= deadline) throw createBusyError(holder, lockTimeoutMs)
    }
  }
}

const stillHeld = 75

const waitCommand = (config: Config, seconds: number): Command =>
  remoteScript(config, 'read', 'certbot-wait', [String(seconds), ...lockFiles], {
    timeoutMs: (seconds + 30) * 1000,
    accept: [0, stillHeld],
  })

function createBusyError(holder: string, patience: number): OpsError {
  const pid = /^process (\d+)/.exec(holder)?.[1]
  return new OpsError({
    what: `Another certbot on the VPS has not ended within ${formatDuration(patience)}, so the CA was not asked`,
    said: holder || 'Another instance of Certbot is already running.',
    next: pid
      ? `Wait until it has ended (on the VPS: ps -fp ${pid}), or end it there (kill ${pid}), then run this command again.`
      : 'Find it on the VPS (ps -ef | grep certbot), wait until it has ended, then run this command again.',
  })
}
