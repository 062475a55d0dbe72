import type { Config } from '../../config/config.ts'
import type { HttpRequest } from '../../net/http.ts'
import type { Command } from '../../shell/command.ts'
import { type Context, type Log, ok, type Task, unknown, type VpsContext } from '../../tasks/task.ts'
import { getMessage } from '../../util/errors.ts'
import { formatCount } from '../../util/format.ts'
import { getSiteRoot, recordFile, type Site } from '../remote/vps.ts'
import { inspectServer, type ServerState, updateServerState } from '../serverState.ts'
import { getChangedAddresses, type Manifest } from './release.ts'
import { fetchManifest } from './upload.ts'

/**
 * Tells the caches in front of the site (PURGE_URL) what changed since the last purge. The file `cached` on the VPS
 * names every release whose pages they may hold: each switch adds its release (switch.sh), and only a successful purge
 * removes the others. So the next run repeats a purge that failed or was killed.
 */
export function purgeTasks(context: VpsContext, ...swaps: readonly Task[]): Task[] {
  const { config } = context
  if (!config.ionos.purgeUrl) return []
  hideTokens(context)
  const effects = [createPurgeRequest(config)]
  return [
    {
      id: 'frontend-purge',
      title: 'Purge the caches',
      part: 'ionos',
      after: swaps,
      async inspect(ahead) {
        if (swaps.some((swap) => ahead.isUnknown(swap)))
          return unknown('could not determine which release is live')
        if (swaps.some((swap) => ahead.willChange(swap))) {
          return { state: 'change', what: 'purge the changed addresses after the switch', effects }
        }
        const state = await inspectServer(context)
        const { live, cached } = state
        if (live === '') return ok('no release is live')
        if (!needsPurge(state)) return ok(`purged for release ${live}`)
        const fields = [{ name: 'releases in caches', before: cached.join(', ') || undefined, after: live }]
        return { state: 'change', what: 'purge the changed addresses', fields, effects }
      },
      apply: (_difference, log) => purgeCdn(context, log),
    },
  ]
}

/** Redacts the token in PURGE_URL: a password, the query, or a long part of the path. */
function hideTokens({ config, runner }: Context): void {
  const url = new URL(config.ionos.purgeUrl)
  const tokens = url.pathname.split('/').filter((part) => part.length >= 16)
  for (const part of [url.password, url.search.slice(1), ...url.searchParams.values(), ...tokens]) {
    runner.secrets.add(part)
  }
}

/** Whether caches may hold pages of a release other than the live one, or were never purged for it. */
export const needsPurge = ({ live, cached }: Pick<ServerState, 'live' | 'cached'>): boolean =>
  live !== '' && (!cached.includes(live) || cached.some((id) => id !== live))

/** Posts {domain, release, changed} to PURGE_URL. A failure is only a warning: the next run purges again. */
export async function purgeCdn(context: VpsContext, log: Log): Promise<void> {
  const { config, runner } = context
  if (!config.ionos.purgeUrl) return
  hideTokens(context)
  const { host } = new URL(config.ionos.purgeUrl)
  try {
    const state = await inspectServer(context)
    if (!needsPurge(state)) return
    const { live } = state
    const changed = await listChangedAddresses(context, state)
    const { status, body } = await runner.request(createPurgeRequest(config, { release: live, changed }))
    if (status < 200 || status >= 300) {
      return log(`warning: ${host} answered the purge with ${status}: ${body.slice(0, 200)}`)
    }
    log(`purged ${formatCount(changed.length, 'changed address', 'changed addresses')}`)
    await runner.run(recordCachedCommand(context, live))
    updateServerState(context, (known) => ({ ...known, cached: [live] }))
  } catch (thrown) {
    log(`warning: the purge at ${host} failed: ${getMessage(thrown)}`)
  }
}

/** @param facts undefined in a plan, since they are known only after the switch */
export const createPurgeRequest = (
  { domain, ionos }: Config,
  facts?: { release: string; changed: readonly string[] },
): HttpRequest => ({
  ...{ method: 'POST', url: new URL(ionos.purgeUrl).href, effect: 'change', timeoutMs: 15_000 },
  headers: { 'content-type': 'application/json' },
  ...(facts ? { body: JSON.stringify({ domain, ...facts }) } : {}),
})

/** Records that caches hold pages of no other release. */
export const recordCachedCommand = ({ config, server }: Site, id: string): Command =>
  recordFile(server, { there: getSiteRoot(config) }, 'cached', `${id}\n`)

/** Lists the addresses that differ from any release in caches; all addresses when one of those was removed. */
async function listChangedAddresses(
  context: VpsContext,
  { live, cached, releases }: ServerState,
): Promise<string[]> {
  const others = cached.filter((id) => id !== live)
  const there = (id: string) => releases.some((release) => release.id === id)
  const nothing: Manifest = new Map()
  const [fresh, ...old] = await Promise.all([
    fetchManifest(context, live, 'quick'),
    ...others.map((id) => (there(id) ? fetchManifest(context, id, 'quick') : nothing)),
  ])
  const before = old.length > 0 ? old : [nothing]
  return [...new Set(before.flatMap((manifest) => getChangedAddresses(manifest, fresh)))].sort()
}
