import type { Config } from '../../config/config.ts'
import { commandTemplate } from '../../shell/template.ts'
import { exitCode, type Failure } from '../../util/errors.ts'

const timeoutMs = 120_000

/**
 * Commands on the VPS. `` vps(config)`df /` `` runs as the user of the login, `vps(config).sudo` as root: directly for
 * root, through sudo for everyone else. sudo keeps the locale of the connection (ssh/frame.ts) unless sudoers says
 * otherwise, and takes PAM's then (sudoers(5), Command environment).
 */
export function vps(config: Config) {
  const asUser = commandTemplate((argv, effect, options) => ({
    argv,
    on: 'vps',
    effect,
    timeoutMs,
    ...options,
  }))
  const prefix = config.ionos.user === 'root' ? [] : ['sudo', '-n', '--', 'env', 'LC_ALL=C']
  const sudo = commandTemplate((argv, effect, options) => ({
    argv: [...prefix, ...argv],
    on: 'vps',
    effect,
    timeoutMs,
    ...options,
    explain: (output) => explainSudo(config, output) ?? options.explain?.(output),
  }))
  return Object.assign(asUser, { sudo })
}

/** What a refusal of sudo means; undefined for any other output. */
function explainSudo(config: Config, output: string): Partial<Failure> | undefined {
  const { user, host } = config.ionos
  if (user === 'root') return undefined
  if (/sudo: .*password is required|sudo: a terminal is required|is not in the sudoers/i.test(output)) {
    return {
      what: `${user} may not use sudo without a password on ${host}`,
      said: output.trim(),
      next: `Set IONOS_USER=root, or allow it there (visudo): ${user} ALL=(ALL) NOPASSWD: ALL`,
      exitCode: exitCode.notLoggedIn,
    }
  }
  if (/sudo: (command )?not found/i.test(output)) {
    return {
      what: `${user} is not root on ${host}, and sudo is not installed there`,
      said: output.trim(),
      next: 'Set IONOS_USER=root, or install sudo on the VPS.',
      exitCode: exitCode.notLoggedIn,
    }
  }
  return undefined
}
