import { formatScriptLine } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { type Difference, differing, ok, type Task, toServer, type VpsContext } from '../../tasks/task.ts'
import { getMessage, OpsError, unknownError, usageError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { getSiteRoot, packFiles, remoteScript, type Site } from '../remote/vps.ts'
import { inspectServer, invalidateServerState } from '../serverState.ts'
import {
  defaultMessage,
  formatFolderName,
  formatMaintenance,
  type Maintenance,
  renderMaintenance,
} from './page.ts'

export type Wanted = { on: false } | { on: true; by: string; message?: string; until?: Date }

/** Turns the maintenance page on or off. A maintenance window keeps its start when its message changes. */
export function maintenanceTask(context: VpsContext, wanted: Wanted, nginx: Task): Task {
  return {
    id: 'maintenance',
    title: 'Maintenance mode',
    part: 'ionos',
    // An older configuration of nginx would not serve the page.
    after: [nginx],
    async inspect(): Promise<Difference> {
      const present = (await inspectServer(context)).maintenance
      if (!wanted.on) {
        if (!present) return ok('off: visitors get the site')
        return {
          state: 'change',
          what: `end the ${formatMaintenance(present)}`,
          effects: [maintenanceCommand(context, undefined)],
        }
      }
      const announced = createAnnouncement(wanted, present)
      const fields = differing(
        ...Object.entries(announced).map(
          ([name, after]) => [name, { ...present }[name as keyof Maintenance], after] as const,
        ),
      )
      if (present && fields.length === 0) return ok(formatMaintenance(present))
      return {
        state: 'change',
        what: present
          ? `${fields.map(({ name }) => changeNames[name] ?? name).join(' and ')} on the maintenance page`
          : 'visitors get the maintenance page instead of the site',
        fields,
        effects: [maintenanceCommand(context, announced)],
      }
    },
    async afterAll(_, log) {
      invalidateServerState(context)
      log(await waitUntilServed(context, wanted.on))
    },
  }
}

const changeNames: Readonly<Record<string, string>> = { message: 'new message', until: 'new end' }

/** Enables or, without a maintenance window, disables the page (remote/maintenance.sh). */
export function maintenanceCommand({ config, server }: Site, maintenance: Maintenance | undefined): Command {
  const site = getSiteRoot(config)
  if (!maintenance) return remoteScript(server, 'change', 'maintenance', [site])
  const { pairs, payload } = packFiles(renderMaintenance(config, maintenance))
  const args = [site, formatFolderName(maintenance, new Date()), ...pairs]
  return remoteScript(server, 'change', 'maintenance', args, { payload })
}

function createAnnouncement(wanted: Wanted & { on: true }, present: Maintenance | undefined): Maintenance {
  const message = wanted.message ?? present?.message
  const until = wanted.until?.toISOString() ?? present?.until
  return {
    since: present?.since || new Date().toISOString(),
    by: present?.by || wanted.by,
    message: message || defaultMessage,
    ...(until ? { until } : {}),
  }
}

const maxMessage = 500

/** Returns the message for the page. Throws (exit 2) when it is empty, too long or not a single line. */
export function parseMessage(value: string): string {
  const message = value.trim()
  if (message === '') throw usageError('--message is empty', 'Omit it to use the default message.')
  if (message.length > maxMessage)
    throw usageError(`--message has ${message.length} characters; the limit is ${maxMessage}`)
  if (/\p{Cc}/u.test(message))
    throw usageError('--message contains control characters', 'Use a single line of text.')
  return message
}

/** Requests the site until it is as wanted, and returns its last answer. Throws exit 3 when it does not answer. */
async function waitUntilServed(context: VpsContext, on: boolean): Promise<string> {
  const url = `https://${context.config.domain}/`
  const request = { method: 'GET', url, effect: 'read', timeoutMs: 5000, ...toServer(context) } as const
  let last = ''
  const attempt = async () => {
    try {
      const { status, headers } = await context.runner.request(request)
      const shown = status === 503 && headers['retry-after'] !== undefined
      if (shown === on)
        return `${url} answers ${status}${on ? `, Retry-After: ${headers['retry-after']}` : ''}`
      last = `${url} answers ${status}`
    } catch (thrown) {
      last = `${url}: ${getMessage(thrown)}`
    }
    return undefined
  }
  const served = await poll(attempt, { intervalMs: 500, attempts: 5 })
  if (served !== undefined) return served
  const [done, check] = [on ? 'on' : 'off', formatScriptLine('maintenance-mode', 'status')]
  if (/ answers \d+$/.test(last)) {
    throw new OpsError({
      what: `The maintenance page is ${done} on the VPS, but visitors get something else: ${last}`,
      next: `Check what is in front of nginx (a CDN, for example), then run: ${check}`,
    })
  }
  throw unknownError(
    `The maintenance page is ${done} on the VPS, but the site does not answer this machine`,
    last,
    `From another network: ${check}`,
  )
}
