import { askForBackendHost, findBackendHost } from '../../config/backendHost.ts'
import { formatKeyFile, formatScriptLine, backendPort as port } from '../../config/config.ts'
import { joinToPaste } from '../../shell/quote.ts'
import { healthCommand, parseHealth } from '../../vps/nginx/upstream.ts'
import { vps } from '../../vps/remote/vps.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { type Check, fail, pass, warn } from '../check.ts'
import { unknownHost } from '../site/http.ts'

/** ssh with a known host key, and root there. */
export const vpsLogin: Check = {
  id: 'vps-login',
  title: 'Login to the VPS',
  tags: ['doctor', 'login'],
  needs: 'ssh',
  advice: () =>
    `Try ssh USER@HOST by hand, with IONOS_USER and IONOS_HOST from ${formatKeyFile('IONOS_USER', 'IONOS_HOST')}.`,
  async run({ context }) {
    const { user, address } = context.server
    await context.runner.run(vps(context.server).sudo`true`)
    return pass(`${user}@${address}${user === 'root' ? '' : ', with sudo'}`)
  },
}

export const vpsServices: Check = {
  id: 'vps-services',
  title: 'nginx on the VPS',
  tags: ['doctor', 'vps'],
  needs: 'ssh',
  advice: () => joinToPaste([formatScriptLine('setup-server'), formatScriptLine('configure-nginx')]),
  async run({ context }) {
    const { nginx, takenPorts } = await inspectServer(context)
    const taken = takenPorts.map(({ text }) => `; ${text}`).join('')
    if (!nginx.version) return fail(`is not installed${taken}`)
    if (!nginx.active) return fail(`${nginx.version} is not running${taken}`)
    if (!nginx.enabled) return fail(`${nginx.version} would not start after a reboot`)
    return pass(`${nginx.version} is running`)
  },
}

/** nginx asks its name servers in turn, so a dead one delays requests to /api/. */
export const nameServers: Check = {
  id: 'vps-name-servers',
  title: 'Name servers of the VPS',
  tags: ['doctor', 'vps'],
  needs: 'ssh',
  advice:
    'Remove it from /etc/resolv.conf on the VPS, or from the settings of the program that writes this file (its first lines name it).',
  async run({ context }) {
    const { nameservers, deadNameservers } = await inspectServer(context)
    if (nameservers.length === 0) return fail('there is none in /etc/resolv.conf')
    const dead = deadNameservers.join(', ')
    if (!dead) return pass(nameservers.join(', '))
    if (nameservers.some((server) => deadNameservers.includes(server)))
      return fail(`none of them answers: ${dead}`)
    return warn(`no answer from ${dead}; nginx is configured to ask only ${nameservers.join(', ')}`)
  },
}

/** nginx must reach the backend, so the VPS makes the request, not this machine. */
export const backendPort: Check = {
  id: 'backend-port',
  title: `Port ${port} of the backend, seen from the VPS`,
  tags: ['doctor', 'ports'],
  needs: 'ssh',
  advice: () =>
    `Check that the container is running (${formatScriptLine('view-logs', '--only', 'backend')}) and that the VPS can connect to that port.`,
  async run(checking) {
    const { config, runner, server } = checking.context
    const ask = async (name: string) => ({
      host: name,
      ...parseHealth(await runner.run(healthCommand(server, name))),
    })
    const known = await findBackendHost(config, checking.azure)
    if (known === undefined) return unknownHost()
    const first = await ask(known)
    const named =
      first.status === undefined ? await askForBackendHost(config, checking.azure).catch(() => known) : known
    const { host, status, body } = named === undefined || named === known ? first : await ask(named)
    if (status === 200) return pass(`${host} answers`)
    if (status === undefined) return fail(`${host}: ${body}`)
    // The port is open; other checks judge the application.
    const next = formatScriptLine('view-logs', '--only', 'backend')
    return warn(`${host} answers, but is not healthy: ${body}`, next)
  },
}
