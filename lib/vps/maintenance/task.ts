import type { Config } from '../../config/config.ts'
import { formatScriptLine } from '../../config/pasteLine.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Difference, differing, ok, type Task } from '../../tasks/task.ts'
import { getMessage, OpsError, unknownError, usageError } from '../../util/errors.ts'
import { poll } from '../../util/poll.ts'
import { getSiteRoot } from '../packages.ts'
import { remoteScript } from '../remote/script.ts'
import { inspectServer, invalidateServerState } from '../serverState.ts'
import {
  defaultMessage,
  formatFolderName,
  formatMaintenance,
  type Maintenance,
  renderMaintenance,
} from './page.ts'

/** What the operator wants the visitors to get. */
export type Wanted = { on: false } | { on: true; by: string; message?: string; until?: Date }

/** Turns the maintenance page on or off. A maintenance that is on keeps its beginning when its words change. */
export function maintenanceTask(context: Context, wanted: Wanted, nginx: Task): Task {
  const { config } = context
  return {
    id: 'maintenance',
    title: 'Maintenance mode',
    part: 'ionos',
    // Its addresses are nginx's: with a configuration of before there would be a page that nobody gets.
    after: [nginx],
    async inspect(): Promise<Difference> {
      const present = (await inspectServer(context)).maintenance
      if (!wanted.on) {
        if (!present) return ok('off: visitors get the site')
        return {
          state: 'change',
          what: `end the ${formatMaintenance(present)}`,
          effects: [maintenanceCommand(config, undefined)],
        }
      }
      const announced = createAnnouncement(wanted, present)
      const fields = differing({ ...present }, { ...announced })
      if (present && fields.length === 0) return ok(formatMaintenance(present))
      return {
        state: 'change',
        what: present
          ? `${fields.map(({ name }) => changeNames[name] ?? name).join(' and ')} on the maintenance page`
          : 'visitors get the maintenance page instead of the site',
        fields,
        effects: [maintenanceCommand(config, announced)],
      }
    },
    async afterAll(_, log) {
      invalidateServerState(context)
      log(await waitUntilServed(context, wanted.on))
    },
  }
}

const changeNames: Readonly<Record<string, string>> = { message: 'other words', until: 'another end' }

/** The command that puts a page in force (remote/maintenance.sh), or takes it away. */
export function maintenanceCommand(config: Config, maintenance: Maintenance | undefined): Command {
  const site = getSiteRoot(config)
  if (!maintenance) return remoteScript(config, 'change', 'maintenance', [site])
  const files = Object.entries(renderMaintenance(config, maintenance)).map(
    ([name, content]) => [name, Buffer.from(content)] as const,
  )
  const pairs = files.flatMap(([name, content]) => [name, String(content.length)])
  return remoteScript(
    config,
    'change',
    'maintenance',
    [site, formatFolderName(maintenance, new Date()), ...pairs],
    {
      payload: async function* () {
        for (const [, content] of files) yield content
      },
    },
  )
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

const longestMessage = 500

/** The words as they go onto the page. Throws (exit 2) when they cannot. */
export function parseMessage(message: string): string {
  const words = message.trim()
  if (words === '') throw usageError('--message is empty', 'Leave it out for the usual words.')
  if (words.length > longestMessage) {
    throw usageError(`--message has ${words.length} characters; ${longestMessage} fit on the page`)
  }
  if (/\p{Cc}/u.test(words)) throw usageError('--message holds control characters', 'Give one line of text.')
  return words
}

/** Asks the site as a visitor until it answers so, and says what it answered. Throws (exit 3) when it cannot tell. */
async function waitUntilServed({ config, runner }: Context, on: boolean): Promise<string> {
  const url = `https://${config.domain}/`
  let last = ''
  const attempt = async () => {
    try {
      const { status, headers } = await runner.request({
        method: 'GET',
        url,
        effect: 'read',
        timeoutMs: 5000,
      })
      const shown = status === 503 && headers['retry-after'] !== undefined
      if (shown === on) return `${url} says ${status}${on ? `, Retry-After: ${headers['retry-after']}` : ''}`
      last = `${url} says ${status}`
    } catch (thrown) {
      last = `${url}: ${getMessage(thrown)}`
    }
    return undefined
  }
  const served = await poll(attempt, { intervalMs: 500, attempts: 5 })
  if (served !== undefined) return served
  if (/ says \d+$/.test(last)) {
    throw new OpsError({
      what: `The maintenance page is ${on ? 'in force' : 'taken away'} on the VPS, but visitors do not see it so: ${last}`,
      next: `See what stands in front of nginx (a CDN?), then: ${formatScriptLine('maintenance-mode', 'status')}`,
    })
  }
  throw unknownError(
    `The maintenance page is ${on ? 'in force' : 'taken away'} on the VPS, but the site cannot be asked from here`,
    last,
    `From another network: ${formatScriptLine('maintenance-mode', 'status')}`,
  )
}
