import { formatKeyFile, formatScriptLine } from '../config/config.ts'
import { formatCount } from '../util/format.ts'
import { inspectServer } from '../vps/serverState.ts'
import { type Check, fail, pass, type Result, unknown, warn } from './check.ts'

/** The day on which support ends. */
const ends: Readonly<Record<string, string>> = {
  // github.com/nodejs/release, schedule.json
  'Node 20': '2026-04-30',
  'Node 22': '2027-04-30',
  'Node 24': '2028-04-30',
  'Node 26': '2029-04-30',
  // Azure's standard support: learn.microsoft.com/azure/postgresql/configure-maintain/concepts-version-policy, as
  // listed by endoflife.date/azure-database-for-postgresql. Azure then bills extended support.
  'PostgreSQL 13': '2026-07-31',
  'PostgreSQL 14': '2026-12-11',
  'PostgreSQL 15': '2027-11-11',
  'PostgreSQL 16': '2028-11-09',
  'PostgreSQL 17': '2029-11-08',
  'PostgreSQL 18': '2030-11-14',
  // Basic, Standard and Premium, as Azure announced; new tenants can no longer create one.
  'Azure Cache for Redis': '2028-09-30',
  // Long-term support of Debian (wiki.debian.org/LTS), standard support of Ubuntu (ubuntu.com/about/release-cycle)
  'debian 11': '2026-08-31',
  'debian 12': '2028-06-30',
  'debian 13': '2030-06-30',
  'ubuntu 22.04': '2027-04-01',
  'ubuntu 24.04': '2029-04-25',
  'ubuntu 26.04': '2031-04-30',
}

const day = 86_400_000
/** Enough time to plan a migration. */
const ahead = 180 * day

/** Evaluates how near the end of support is. */
export function judgeEndOfLife(what: string, now: Date, end = ends[what]): Result {
  if (end === undefined) return unknown(`${what}: its end of support is not in the table`)
  const left = Date.parse(end) - now.getTime()
  if (left <= 0) return fail(`support for ${what} ended on ${end}`)
  if (left < ahead)
    return warn(`support for ${what} ends on ${end}, in ${formatCount(Math.floor(left / day), 'day')}`)
  return pass(`support for ${what} ends on ${end}`)
}

const check = (
  id: string,
  title: string,
  needs: Check['needs'],
  advice: NonNullable<Check['advice']>,
  run: Check['run'],
): Check => ({ id, title, tags: ['doctor', 'retirement'], needs, advice, run })

/** Let's Encrypt's default number of days from a date on. */
const shorterLifetimes: readonly [from: string, days: number][] = [
  ['2027-02-10', 64],
  ['2028-02-16', 45],
]

/** What an operator must replace before its support ends. */
export const retirement: readonly Check[] = [
  check(
    'node-retirement',
    'Node release line',
    'nothing',
    'Update this toolbox: newer versions bring a newer Node.',
    async ({ now }) => judgeEndOfLife(`Node ${process.versions.node.split('.')[0]}`, now),
  ),
  check(
    'postgres-retirement',
    'PostgreSQL version',
    'nothing',
    () =>
      `Back up the database, set a newer POSTGRES_VERSION in ${formatKeyFile('POSTGRES_VERSION')}, then run ${formatScriptLine('provision')}.`,
    async ({ context, now }) => {
      const result = judgeEndOfLife(`PostgreSQL ${context.config.postgres.version}`, now)
      return result.verdict === 'CRITICAL'
        ? warn(`${result.detail}; Azure bills extended support for it`)
        : result
    },
  ),
  check(
    'redis-retirement',
    'Kind of Redis',
    'nothing',
    () =>
      `Set REDIS_KIND=managed and REDIS_SKU=Balanced_B0 in ${formatKeyFile('REDIS_KIND', 'REDIS_SKU', 'REDIS_NAME')}, with a new REDIS_NAME, then deploy.`,
    async ({ context, now }) =>
      context.config.redis.kind === 'managed'
        ? pass('Azure Managed Redis')
        : judgeEndOfLife('Azure Cache for Redis', now),
  ),
  check(
    'system-retirement',
    'Operating system of the VPS',
    'ssh',
    () => `Plan a new VPS with a newer release; ${formatScriptLine('deploy-complete')} sets it up.`,
    async ({ context, now }) => {
      const { os } = await inspectServer(context)
      return judgeEndOfLife(`${os.id} ${os.version}`, now)
    },
  ),
  // With such short lifetimes, renewal by hand is not practical.
  check(
    'certificate-lifetime',
    'Certificate lifetime',
    'ssh',
    () => `${formatScriptLine('setup-server')}   (it enables certbot.timer)`,
    async ({ context, now }) => {
      const { timer } = (await inspectServer(context)).certificate
      const coming = shorterLifetimes
        .filter(([from]) => Date.parse(from) > now.getTime())
        .map(([from, days]) => `${days} days from ${from}`)
      const detail = coming.length > 0 ? `becomes shorter: ${coming.join(', ')}` : 'is 45 days'
      if (!timer) return warn(`${detail}; certbot.timer is not running`)
      return pass(`${detail}; certbot.timer renews in time`)
    },
  ),
]
