import { formatKeyFile, type Server } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import { type Field, ok, type Task, type VpsContext } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { acmeRoot, getSiteRoot, type Site, vps } from './remote/vps.ts'
import { inspectServer, invalidateServerState, type ServerState, sitePackages } from './serverState.ts'

export function serverTask(context: VpsContext): Task {
  const { server } = context
  return {
    id: 'server',
    title: 'Packages, folders and services on the VPS',
    part: 'ionos',
    async inspect() {
      const state = await inspectServer(context)
      assertSupportedSystem(server, state)
      assertPortsFree(server, state)
      const missing = sitePackages.filter((name) => !state.packages.has(name))
      const effects = getSetupCommands(context, state, missing)
      if (effects.length === 0) return ok('packages, folders and services are in place')
      return {
        state: missing.includes('nginx') ? 'create' : 'change',
        what: [
          ...(state.dpkgInterrupted ? ['repair an interrupted dpkg'] : []),
          missing.length > 0 ? `install ${missing.join(', ')}` : 'folders and services',
        ].join(', '),
        fields: getMissingFields(state, missing),
        effects,
      }
    },
    always: () => invalidateServerState(context),
  }
}

export function getSetupCommands(
  { config, server }: Site,
  state: ServerState,
  missing: readonly string[],
): Command[] {
  const { sudo } = vps(server)
  const apt = sudo.change({
    timeoutMs: 15 * 60_000,
    // DPkg::Lock::Timeout does not cover the lock of the package lists, which unattended-upgrades also takes.
    retry: {
      times: 12,
      pauseMs: 10_000,
      when: /Could not get lock|Temporary failure resolving|Hash Sum mismatch/,
    },
    explain: (output) =>
      /Could not get lock|is held by process/.test(output)
        ? {
            what: 'Another package manager has held its lock on the VPS for two minutes',
            next: 'Wait until it ends (ps -ef | grep -e apt -e dpkg; unattended-upgrades, for example), then run this command again.',
          }
        : undefined,
  })
  const aptGet = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-o', 'DPkg::Lock::Timeout=120', '-q']
  const folders = [
    ...(state.web.releases ? [] : [`${getSiteRoot(config)}/releases`]),
    ...(state.web.acme ? [] : [`${acmeRoot}/.well-known/acme-challenge`]),
  ]
  const broken = state.dpkgInterrupted
  return [
    ...(broken ? [repairDpkg(server)] : []),
    ...(broken || missing.length > 0 ? [apt`${aptGet} update`] : []),
    ...(broken ? [apt`${aptGet} install -y --fix-broken`] : []),
    ...(missing.length > 0 ? [apt`${aptGet} install -y --no-install-recommends ${missing}`] : []),
    ...(folders.length > 0 ? [sudo.change`install -d -m 755 ${folders}`] : []),
    // Do not start it: with Debian's default site it fails if another server uses port 80. The task nginx-http starts it.
    ...(state.nginx.enabled ? [] : [sudo.change`systemctl enable nginx`]),
    ...(state.certificate.timer ? [] : [sudo.change`systemctl enable --now certbot.timer`]),
  ]
}

/**
 * As dpkg instructs. `apt-get install --fix-broken` follows, whose exit code counts: a missing dependency fails here.
 */
const repairDpkg = (server: Server): Command =>
  vps(server).sudo.change({ timeoutMs: 15 * 60_000, accept: [0, 1] })`
    env DEBIAN_FRONTEND=noninteractive dpkg --force-confdef --force-confold --configure -a`

function getMissingFields(state: ServerState, missing: readonly string[]): Field[] {
  return [
    ...(state.dpkgInterrupted ? [{ name: 'dpkg', before: 'interrupted', after: 'in order' }] : []),
    ...missing.map((name) => ({ name: `package ${name}`, after: 'installed' })),
    ...(state.web.releases ? [] : [{ name: 'folder for releases', after: 'exists' }]),
    ...(state.web.acme ? [] : [{ name: 'folder for ACME challenges', after: 'exists' }]),
    ...(state.nginx.enabled ? [] : [{ name: 'nginx', after: 'enabled' }]),
    ...(state.certificate.timer ? [] : [{ name: 'certbot.timer', after: 'enabled' }]),
  ]
}

function assertPortsFree({ address }: Server, { takenPorts }: ServerState): void {
  const [first] = takenPorts
  if (!first) return
  throw new OpsError({
    what: `nginx needs the ports 80 and 443 of ${address}, but ${takenPorts.map(({ text }) => text).join(', ')}`,
    next: `On the VPS, \`systemctl status ${first.pid}\` names its service. Move what it serves, disable it (systemctl disable --now SERVICE), then run this command again.`,
  })
}

function assertSupportedSystem({ address, keys }: Server, state: ServerState): void {
  const { id, like, version } = state.os
  if (![id, ...like].includes('debian') && id !== 'ubuntu') {
    throw new OpsError({
      what: `${address} runs ${id || 'an unknown system'} ${version}, not Debian or Ubuntu`,
      next: `Install Debian 12 or 13, or Ubuntu 22.04, 24.04 or 26.04 on the VPS (IONOS console: reinstall), or set ${keys.address} in ${formatKeyFile(keys.address)} to another VPS.`,
    })
  }
  if (!state.systemd) {
    throw new OpsError({
      what: `${address} has no systemctl, which nginx and the renewal timer need`,
      next: 'Use a VPS with systemd, such as the images of Debian and Ubuntu.',
    })
  }
}
