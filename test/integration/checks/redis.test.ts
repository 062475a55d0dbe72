import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { type Azure, createAzure } from '../../../lib/azure/client.ts'
import { queue } from '../../../lib/checks/azure/queue.ts'
import { redis } from '../../../lib/checks/azure/redis.ts'
import { askRedis, readReplies } from '../../../lib/checks/azure/redisProtocol.ts'
import type { Check } from '../../../lib/checks/check.ts'
import { createCheckContext } from '../../../lib/checks/context.ts'
import { observe } from '../../../lib/checks/run.ts'
import type { Context, VpsContext } from '../../../lib/tasks/task.ts'
import { OpsError } from '../../../lib/util/errors.ts'
import { createCertificate } from '../../support/certificate.ts'
import { loadTestConfig, temporaryFolder, toSite } from '../../support/helpers.ts'
import { createPortRunner } from '../../support/servers.ts'

const host = 'codexdominion-redis.eastus.redis.azure.net'
const key = 'q0ke"y\r\n$3 ÄÖÜ=='

/** Debian's Redis, with TLS only and an access key, as in Azure; removed when the test ends. */
async function startRedis() {
  const folder = temporaryFolder()
  const certificate = createCertificate(folder, [host])
  const port = await freePort()
  const server = spawn(
    'redis-server',
    [
      ...['--port', '0', '--tls-port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder],
      ...['--tls-cert-file', path.join(folder, 'cert.pem'), '--tls-key-file', path.join(folder, 'key.pem')],
      ...['--tls-auth-clients', 'no', '--requirepass', key],
    ],
    { stdio: 'ignore' },
  )
  const ended = once(server, 'close')
  onTestFinished(async () => {
    server.kill()
    await ended
  })
  const runner = createPortRunner(
    certificate,
    () => 1,
    () => port,
  )
  const context = { ...toSite(await loadTestConfig('WORKER_COUNT=1')), runner }
  for (let tries = 1; !(await accepts(port)); tries++) {
    if (tries > 200) throw new Error('redis-server does not start')
    await pause(20)
  }
  return { context, runner, port, ask: (...commands: string[][]) => askRedis(context, key, commands) }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  return port
}

const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => resolve(true)).on('error', () => resolve(false))
    socket.on('connect', () => socket.destroy())
  })

/** An Azure that reports these values for Redis and its database, and does not answer without them. */
function azureThatSays(context: Context, ...properties: object[]): Azure {
  const run: Context['runner']['run'] = async ({ argv }) => {
    if (properties.length === 0) throw new OpsError({ what: 'Azure cannot be reached', exitCode: 3 })
    const answer = argv.includes('account') ? { id: 's', name: 'n', tenantId: 't' } : properties
    return { code: 0, stdout: JSON.stringify(answer), stderr: '', timedOut: false }
  }
  return createAzure({ ...context, runner: { ...context.runner, run } })
}

const seen = async (check: Check, context: VpsContext, azure: Azure, redisKey: () => Promise<string>) => {
  const { verdict, detail } = await observe(check, { ...createCheckContext(context, { azure }), redisKey })
  return `${verdict} ${detail}`
}

test('queries a real Redis and its queue; the key appears in no transcript', async () => {
  const { context, runner, ask } = await startRedis()
  const keyed = async () => key
  const silent = azureThatSays(context)
  const of = (check: Check, key: () => Promise<string>) => seen(check, context, silent, key)
  expect(await of(redis, keyed)).toMatch(/^OK PONG in \d+ ms, only over TLS and with a key$/)
  expect(await of(redis, async () => 'another')).toMatch(
    /^CRITICAL it rejects the key that Azure reports: NOAUTH/,
  )
  const lost = async () => Promise.reject(new OpsError({ what: 'Not logged in to Azure', exitCode: 4 }))
  expect(await of(redis, lost)).toBe(
    'UNKNOWN it requires a key, which could not be read: Not logged in to Azure',
  )
  expect(await of(queue, lost)).toBe('UNKNOWN Not logged in to Azure')

  expect(await of(queue, keyed)).toBe('CRITICAL no worker is listening, no jobs waiting')
  const enqueued = new Date(Date.now() - 400_000).toISOString()
  await ask(
    ['RPUSH', 'rq:queue:workflows', 'first', 'second'],
    ['HSET', 'rq:job:first', 'enqueued_at', enqueued, 'data', '\u0000ä\r\n'],
    ['SADD', 'rq:workers:workflows', 'rq:worker:one', 'rq:worker:killed'],
    ['HSET', 'rq:worker:one', 'state', 'idle'],
  )
  expect(await of(queue, keyed)).toMatch(/^CRITICAL no worker is listening, 2 jobs waiting, .* 40\d s$/)
  // A worker waits for jobs on a connection that carries its name.
  const waiting = ask(['CLIENT', 'SETNAME', 'one'], ['BLPOP', 'nothing', '2'])
  await expect.poll(async () => String((await ask(['CLIENT', 'LIST']))[0])).toContain('name=one')
  expect(await of(queue, keyed)).toMatch(
    /^WARNING 1 of 1 workers listening, 2 jobs waiting, the oldest for 40\d s$/,
  )
  await waiting
  // No worker waits, but a job is running whose worker sent a heartbeat recently.
  await ask(['ZADD', 'rq:wip:workflows', String(Math.round(Date.now() / 1000) + 90), 'running'])
  expect(await of(queue, keyed)).toMatch(/^WARNING 1 of 1 workers listening/)
  const written = readFileSync(runner.transcript.file, 'utf8')
  expect(written).toContain(host)
  expect(written).not.toContain('q0ke')
})

test('a Redis that Azure reports as failed is never OK, whether it answers or not', async () => {
  const { context } = await startRedis()
  const well = { properties: { provisioningState: 'Succeeded', resourceState: 'Running' } }
  const failed = { properties: { provisioningState: 'Failed', resourceState: 'UpdateFailed' } }
  const keyed = async () => key
  expect(await seen(redis, context, azureThatSays(context, well, well), keyed)).toMatch(/^OK PONG/)
  const words = 'CRITICAL Redis codexdominion-redis is in the state Failed (UpdateFailed)'
  expect(await seen(redis, context, azureThatSays(context, failed, well), keyed)).toBe(words)
  const gone = { ...context, runner: createPortRunner(undefined, () => 1) }
  expect(await seen(redis, gone, azureThatSays(gone, failed, well), keyed)).toBe(words)
})

test('an answer in many parts is read completely', async () => {
  const { ask } = await startRedis()
  const long = 'ä'.repeat(300_000)
  const replies = await ask(['SET', 'long', long], ['GET', 'long'], ['GET', 'none'], ['INCR', 'n'], ['NO'])
  expect(replies.slice(0, 4)).toEqual(['OK', long, null, 1])
  expect(replies[4]).toEqual({ error: expect.stringMatching(/^ERR unknown command/) })
})

test.each([
  ['+OK\r\n:3\r\n', 2, ['OK', 3]],
  ['*2\r\n$1\r\na\r\n*0\r\n', 1, [['a', []]]],
  ['$-1\r\n*-1\r\n', 2, [null, null]],
  ['$5\r\nab\r\nc\r\n', 1, ['ab\r\nc']],
  ['$5\r\nab', 1, undefined],
  ['*2\r\n:1\r\n', 1, undefined],
  ['+OK', 1, undefined],
])('replies in %j', (text, count, replies) => {
  expect(readReplies(text, count)).toEqual(replies)
})

test('a server that is not Redis, and one that hangs up', async () => {
  for (const said of ['HTTP/1.1 400 Bad Request', '$many', '*-2', '$99999999999'])
    expect(() => readReplies(`${said}\r\n`, 1)).toThrow('The server that answers is not Redis')
  const { context } = await startRedis()
  const gone = { ...context, runner: createPortRunner(undefined, () => 1) }
  const checking = createCheckContext(gone, { azure: azureThatSays(gone) })
  const { verdict, silent } = await observe(redis, { ...checking, redisKey: async () => key })
  expect([verdict, silent]).toEqual(['CRITICAL', true])
})
