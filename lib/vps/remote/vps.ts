import type { Config } from '../../config/config.ts'
import type { Host } from '../../shell/remote.ts'
import { commandTemplate, onHost } from '../../shell/template.ts'
import { exitCode, type Failure } from '../../util/errors.ts'

/** The VPS as a host that commands run on. */
export const getVps = ({ ionos: { host, port, user, key, knownHosts } }: Config): Host => ({
  ...{ name: 'vps', label: 'the VPS', address: host },
  ...{ port, user, key, knownHosts },
})

/**
 * Templates for commands on the VPS. `` vps(config)`df /` `` runs as the user of the login, `vps(config).sudo` as root,
 * through sudo if necessary. sudo may replace the locale of the connection (ssh/frame.ts) by PAM's, depending on sudoers
 * (sudoers(5), Command environment), so LC_ALL is set again.
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

/** Explains a refusal of sudo; undefined for any other output. */
function explainSudo({ user, address }: Host, output: string): Partial<Failure> | undefined {
  if (user === 'root') return undefined
  const failure = { said: output.trim(), exitCode: exitCode.notLoggedIn }
  if (/sudo: .*password is required|sudo: a terminal is required|is not in the sudoers/i.test(output)) {
    return {
      ...failure,
      what: `${user} may not use sudo without a password on ${address}`,
      next: `Set IONOS_USER=root, or allow it there (visudo): ${user} ALL=(ALL) NOPASSWD: ALL`,
    }
  }
  if (!/sudo: (command )?not found/i.test(output)) return undefined
  return {
    ...failure,
    what: `${user} is not root on ${address}, and sudo is not installed there`,
    next: 'Set IONOS_USER=root, or install sudo on the VPS.',
  }
}
