import { redisAddress } from '../../azure/resources/redis.ts'
import { type Config, formatScriptLine } from '../../config/config.ts'
import type { Context } from '../../tasks/task.ts'
import { unknownError } from '../../util/errors.ts'
import { formatCount } from '../../util/format.ts'
import { worstVerdict } from '../../util/verdict.ts'
import { byLimits, byLowLimits, type Check, type Result } from '../check.ts'
import { unanswered } from '../connectionErrors.ts'
import { askRedis, getReplyError } from './redisProtocol.ts'

/** The queue that the workers listen to (workerGroup in lib/azure/containers/spec.ts). */
const name = 'workflows'

export interface QueueFacts {
  /** Waiting jobs. */
  jobs: number
  /** How many seconds the first of them has been waiting; undefined when no job is waiting or its record is missing. */
  oldestSeconds: number | undefined
  workers: number
}

/** What RQ stores in Redis (python-rq.org; rq/queue.py, rq/worker.py). */
export const queue: Check = {
  id: 'queue',
  title: 'Job queue',
  tags: ['health'],
  needs: 'az',
  advice: () =>
    `${formatScriptLine('view-logs', '--only', 'worker')}; ${formatScriptLine('scale', '--workers', 'N')} adds workers.`,
  async run({ context, redisKey }) {
    const key = await redisKey()
    try {
      return judgeQueue(await readQueue(context, key), context.config)
    } catch (thrown) {
      return unanswered(redisAddress(context.config).host, thrown, 'UNKNOWN')
    }
  },
}

async function readQueue(context: Context, key: string): Promise<QueueFacts> {
  const [jobs, first, members, clients, running] = await askRedis(context, key, [
    ['LLEN', `rq:queue:${name}`],
    ['LINDEX', `rq:queue:${name}`, '0'],
    ['SMEMBERS', `rq:workers:${name}`],
    ['CLIENT', 'LIST'],
    // The running jobs, by the time when their worker's heartbeat expires.
    ['ZCOUNT', `rq:wip:${name}`, String(Math.floor(Date.now() / 1000)), '+inf'],
  ])
  if (typeof jobs !== 'number' || !Array.isArray(members)) {
    const said = getReplyError(jobs) ?? getReplyError(members)
    throw unknownError('Redis did not report the state of the queue', said)
  }
  const workers = members.map(String)
  const [enqueued, ...signs] = await askRedis(context, key, [
    ['HGET', `rq:job:${typeof first === 'string' ? first : ''}`, 'enqueued_at'],
    ...workers.map((worker) => ['EXISTS', worker]),
  ])
  const alive = workers.filter((_, index) => signs[index] === 1)
  // A killed worker stays registered until its key expires, but its connections are gone at once.
  const connected = typeof clients === 'string' ? countListening(alive, clients) : alive.length
  const since = typeof enqueued === 'string' ? Date.parse(enqueued) : Number.NaN
  return {
    jobs,
    oldestSeconds: Number.isNaN(since) ? undefined : Math.max(0, Math.round((Date.now() - since) / 1000)),
    // A worker that runs a job on an unnamed connection is recognised by its job.
    workers: Math.max(connected, Number(running) || 0),
  }
}

/**
 * Counts workers by their connections. Each worker has two: one for commands, which carries the worker's name
 * (CLIENT SETNAME; `rq:worker:NAME` is connected as NAME), and one on which it waits for jobs. A worker that
 * had to reconnect has lost its name, and also its registration if Redis restarted empty. A busy worker does
 * not wait. Therefore each address counts for the larger number of its two kinds of connection.
 * @param workers the registered workers with a current heartbeat
 */
export function countListening(workers: readonly string[], clientList: string): number {
  const names = new Set(workers.map((worker) => worker.replace(/^rq:worker:/, '')))
  const hosts = new Map<string, { named: number; waiting: number }>()
  for (const client of clientList.split('\n')) {
    const field = (name: string) => new RegExp(`(?:^| )${name}=(\\S+)`).exec(client)?.[1] ?? ''
    const host = field('addr').replace(/:\d+$/, '')
    const of = hosts.get(host) ?? { named: 0, waiting: 0 }
    hosts.set(host, of)
    if (names.has(field('name')) && field('name') !== '') of.named++
    else if (/^b(?:l|r)(?:pop|move|poplpush)$/.test(field('cmd'))) of.waiting++
  }
  return [...hosts.values()].reduce((sum, { named, waiting }) => sum + Math.max(named, waiting), 0)
}

export function judgeQueue({ jobs, oldestSeconds, workers }: QueueFacts, config: Config): Result {
  const { queueJobs, queueSeconds } = config.health
  const wanted = config.worker.count
  const listening = byLowLimits(workers, { warning: wanted, critical: 1 })
  const verdicts = [byLimits(jobs, queueJobs), byLimits(oldestSeconds ?? 0, queueSeconds), listening]
  const waiting = jobs === 0 ? 'no jobs waiting' : formatCount(jobs, 'job waiting', 'jobs waiting')
  const age = oldestSeconds === undefined ? '' : `, the oldest for ${oldestSeconds} s`
  const hear = workers === 0 ? 'no worker is listening' : `${workers} of ${wanted} workers listening`
  return {
    verdict: worstVerdict(verdicts.map((verdict) => ({ verdict }))),
    detail: `${hear}, ${waiting}${age}`,
    figures: [
      { name: 'queue_jobs', value: jobs, unit: '', limits: queueJobs },
      { name: 'queue_seconds', value: oldestSeconds ?? 0, unit: 's', limits: queueSeconds },
      { name: 'queue_workers', value: workers, unit: '' },
    ],
  }
}
