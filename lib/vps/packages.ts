import type { Config } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import type { Context } from '../tasks/context.ts'
import { type Field, ok, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { vps } from './remote/vps.ts'
import { inspectServer, invalidateServerState, type ServerState } from './serverState.ts'

/**
 * What a bare Debian or Ubuntu needs: nginx (its gzip_static serves the .gz files made here, so no module for brotli,
 * which not every supported release has), certbot, the certificates of the public authorities, and zstd, in which the
 * pages travel.
 */
const packages = ['nginx', 'certbot', 'ca-certificates', 'zstd'] as const

export const acmeRoot = '/var/www/_acme'
export const getSiteRoot = (config: Config): string => `${config.ionos.webRoot}/${config.domain}`

/** Puts up the parts of the face on a bare VPS. */
export function serverTask(context: Context): Task {
  const { config } = context
  return {
    id: 'server',
    title: 'Packages, folders and services on the VPS',
    part: 'ionos',
    async inspect() {
      const state = await inspectServer(context)
      assertSupportedSystem(config, state)
      const missing = packages.filter((name) => !state.packages.has(name))
      const effects = getSetupCommands(config, state, missing)
      if (effects.length === 0) return ok('packages, folders and services are there')
      return {
        state: missing.includes('nginx') ? 'create' : 'change',
        what: [
          ...(state.dpkgInterrupted ? ['finish what an interrupted dpkg left'] : []),
          missing.length > 0 ? `install ${missing.join(', ')}` : 'folders and services',
        ].join(', '),
        fields: getMissingFields(state, missing),
        effects,
      }
    },
    always: () => invalidateServerState(context),
  }
}

/** Exactly the commands that are needed; none on a server that has everything. */
export function getSetupCommands(config: Config, state: ServerState, missing: readonly string[]): Command[] {
  const commands: Command[] = []
  const { sudo } = vps(config)
  const apt = sudo.change({
    timeoutMs: 15 * 60_000,
    // DPkg::Lock::Timeout does not cover the lock of the package lists, which unattended-upgrades takes too.
    retry: {
      times: 12,
      pauseMs: 10_000,
      when: /Could not get lock|Temporary failure resolving|Hash Sum mismatch/,
    },
    explain: (output) =>
      /Could not get lock|is held by process/.test(output)
        ? {
            what: 'Another package manager has held its lock on the VPS for two minutes',
            next: 'Wait for it (unattended-upgrades?) and run this command again; see: ps -ef | grep -e apt -e dpkg',
          }
        : undefined,
  })
  const aptGet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=120', '-q']
  if (state.dpkgInterrupted) commands.push(finishDpkg(config))
  if (state.dpkgInterrupted || missing.length > 0) commands.push(apt`${aptGet} update`)
  if (state.dpkgInterrupted) commands.push(apt`${aptGet} install -y --fix-broken`)
  if (missing.length > 0) commands.push(apt`${aptGet} install -y --no-install-recommends ${missing}`)
  const folders = [
    ...(state.web.releases ? [] : [`${getSiteRoot(config)}/releases`]),
    ...(state.web.acme ? [] : [`${acmeRoot}/.well-known/acme-challenge`]),
  ]
  if (folders.length > 0) commands.push(sudo.change`install -d -m 755 ${folders}`)
  // Debian's default site may not start beside a foreign server on port 80; nginx-http starts nginx with its own.
  if (!state.nginx.enabled) commands.push(sudo.change`systemctl enable nginx`)
  if (!state.certificate.timer) commands.push(sudo.change`systemctl enable --now certbot.timer`)
  return commands
}

/**
 * What dpkg itself asks for after it was killed. It fails where a package waits for one that was never unpacked; then
 * `apt-get --fix-broken install`, which follows, fetches that, and its exit code counts.
 */
const finishDpkg = (config: Config): Command =>
  vps(config).sudo.change({ timeoutMs: 15 * 60_000, accept: [0, 1] })`
    env DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a`

function getMissingFields(state: ServerState, missing: readonly string[]): Field[] {
  return [
    ...(state.dpkgInterrupted ? [{ name: 'dpkg', before: 'interrupted', after: 'in order' }] : []),
    ...missing.map((name) => ({ name: `package ${name}`, after: 'installed' })),
    ...(state.web.releases ? [] : [{ name: 'folder for releases', after: 'there' }]),
    ...(state.web.acme ? [] : [{ name: 'folder for ACME challenges', after: 'there' }]),
    ...(state.nginx.enabled ? [] : [{ name: 'nginx', after: 'enabled' }]),
    ...(state.certificate.timer ? [] : [{ name: 'certbot.timer', after: 'enabled' }]),
  ]
}

function assertSupportedSystem(config: Config, state: ServerState): void {
  const { id, like, version } = state.os
  if (![id, ...like].includes('debian') && id !== 'ubuntu') {
    throw new OpsError({
      what: `${config.ionos.host} runs ${id || 'an unknown system'} ${version}, not Debian or Ubuntu`,
      next: 'Install Debian 12 or Ubuntu 22.04/24.04 on the VPS (IONOS console: reinstall), or set IONOS_HOST to another one.',
    })
  }
  if (!state.systemd) {
    throw new OpsError({
      what: `${config.ionos.host} has no systemctl: nginx and the renewal timer could not be kept running`,
      next: 'Use a VPS with systemd, as the images of Debian and Ubuntu have it.',
    })
  }
}
