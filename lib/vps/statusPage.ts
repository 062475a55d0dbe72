import { type Config, formatScriptLine } from '../config/config.ts'
import type { Command } from '../shell/command.ts'
import { type Difference, ok, type Task, toServer, type VpsContext } from '../tasks/task.ts'
import { getMessage, OpsError, unknownError } from '../util/errors.ts'
import { poll } from '../util/poll.ts'
import { getSiteRoot, remoteScript, type Site, vps } from './remote/vps.ts'

export interface StatusPage {
  html: string
  /** Hexadecimal digest of the page's content, which is also in the page (formatDigestTag). */
  digest: string
  /** For the plan, such as `all works, seen at 04:20 UTC`. */
  summary: string
}

/** Identifies a page on the VPS, or one that a visitor gets. */
export const formatDigestTag = (digest: string): string => `<meta name="dominion-status" content="${digest}">`

const getStatusUrl = ({ domain }: Config): string => `https://${domain}/status/`

/**
 * Publishes the page as WEB_ROOT/DOMAIN/status/index.html by one rename. Releases are not touched.
 * `inspect` throws exit 1 without a site, 3 or 4 when the VPS does not answer. The task fails when visitors do not get
 * the page afterwards.
 */
export function statusPageTask(context: VpsContext, make: () => Promise<StatusPage>): Task<StatusPage> {
  const { config, runner } = context
  return {
    id: 'status-page',
    title: `Status page ${getStatusUrl(config)}`,
    part: 'ionos',
    async inspect(): Promise<Difference<StatusPage>> {
      // Render the page while the connection opens.
      const [page, { stdout }] = await Promise.all([make(), runner.run(readDigestCommand(context))])
      const present = stdout.trim()
      if (present === page.digest) return ok(`published: ${page.summary}`)
      return {
        state: present === 'none' ? 'create' : 'change',
        what: page.summary,
        fields: [
          {
            name: 'page',
            before: present === 'none' ? undefined : present.slice(0, 12),
            after: page.digest.slice(0, 12),
          },
        ],
        effects: [publishPageCommand(context, page)],
        fact: page,
      }
    },
    async afterAll({ fact: page }, log) {
      log(await waitUntilServed(context, page!))
    },
  }
}

/** Prints the digest of the page on the VPS, or `none`. */
export const readDigestCommand = (site: Site): Command =>
  vps(site.server).sudo({ timeoutMs: 30_000, explain: (output) => explainMissingSite(site, output) })`
    sh -c ${presentScript} status-page ${getSiteRoot(site.config)}`

const presentScript = `[ -d "$1/releases" ] || { echo "there is no site on this machine" >&2; exit 4; }
[ -f "$1/status/index.html" ] || { echo none; exit 0; }
digest=$(sed -n 's/.*<meta name="dominion-status" content="\\([0-9a-f]*\\)">.*/\\1/p' "$1/status/index.html" | head -n 1)
echo "\${digest:-other}"`

export function publishPageCommand(site: Site, { html }: StatusPage): Command {
  const content = Buffer.from(html)
  const args = [getSiteRoot(site.config), String(content.length)]
  return remoteScript(site.server, 'change', 'status-page', args, {
    payload: [content],
    explain: (output) => explainMissingSite(site, output),
  })
}

const explainMissingSite = ({ config: { domain }, server }: Site, output: string) =>
  /there is no site on this machine/.test(output)
    ? {
        what: `The status page needs the site ${domain}, which is not deployed on ${server.address}`,
        next: `Deploy it first: ${formatScriptLine('deploy-complete')}. The page alone: ${formatScriptLine('status-page', '--out', 'status.html')}`,
      }
    : undefined

/** Requests the page until it is the new one. Throws exit 1 after another answer, exit 3 after none. */
async function waitUntilServed(context: VpsContext, { digest }: StatusPage): Promise<string> {
  const url = getStatusUrl(context.config)
  const request = { method: 'GET', url, effect: 'read', timeoutMs: 10_000, ...toServer(context) } as const
  let failure: OpsError | undefined
  const attempt = async () => {
    try {
      const { status, body } = await context.runner.request(request)
      if (status === 200 && body.includes(formatDigestTag(digest))) return `${url} shows it`
      failure = new OpsError({
        what: `The status page is on the VPS, but ${url} does not show it: ${status === 200 ? 'another page answers' : status}`,
        next: `Update the nginx configuration: ${formatScriptLine('configure-nginx')}. A CDN in front of it may keep the old page.`,
      })
    } catch (thrown) {
      failure = unknownError(
        `The status page is on the VPS, but it is unknown whether visitors get it: ${url} does not answer`,
        getMessage(thrown),
        `Check the site: ${formatScriptLine('health')}`,
      )
    }
    return undefined
  }
  return poll(attempt, { intervalMs: 500, attempts: 3, describe: () => failure })
}
