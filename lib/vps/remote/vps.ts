import type { Config } from '../../config/config.ts'
import type { Host } from '../../shell/remote.ts'
import { commandTemplate, onHost } from '../../shell/template.ts'
import { exitCode, type Failure } from '../../util/errors.ts'
import { getVps } from '../host.ts'

/**
 * Commands on the VPS. `` vps(config)`df /` `` runs as the user of the login, `vps(config).sudo` as root: directly for
 * root, through sudo for everyone else. sudo keeps the locale of the connection (ssh/frame.ts) unless sudoers says
 * otherwise, and takes PAM's then (sudoers(5), Command environment).
 */
export function vps(config: Config) {
  const host = getVps(config)
  const run = onHost(host)
  const prefix = host.user === 'root' ? [] : ['sudo', '-n', '--', 'env', 'LC_ALL=C']
  const sudo = commandTemplate((argv, effect, options) => {
    const explain = (output: string) => explainSudo(host, output) ?? options.explain?.(output)
    return { ...run({ ...options, explain })`${prefix} ${argv}`, effect }
  })
  return Object.assign(run, { sudo })
}

/** What a refusal of sudo means; undefined for any other output. */
function explainSudo({ user, address }: Host, output: string): Partial<Failure> | undefined {
  if (user === 'root') return undefined
  if (/sudo: .*password is required|sudo: a terminal is required|is not in the sudoers/i.test(output)) {
    return {
      what: `${user} may not use sudo without a password on ${address}`,
      said: output.trim(),
      next: `Set IONOS_USER=root, or allow it there (visudo): ${user} ALL=(ALL) NOPASSWD: ALL`,
      exitCode: exitCode.notLoggedIn,
    }
  }
  if (/sudo: (command )?not found/i.test(output)) {
    return {
      what: `${user} is not root on ${address}, and sudo is not installed there`,
      said: output.trim(),
      next: 'Set IONOS_USER=root, or install sudo on the VPS.',
      exitCode: exitCode.notLoggedIn,
    }
  }
  return undefined
}
