import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import type { Config, Server } from '../../../lib/config/config.ts'
import { breakLocks, lockTask, readHolder, readHolders } from '../../../lib/deploy/lock.ts'
import { type Command, display } from '../../../lib/shell/command.ts'
import type { Runner } from '../../../lib/shell/runner.ts'
import { nothingAhead, onEachServer, type VpsContext } from '../../../lib/tasks/task.ts'
import { buildTask } from '../../../lib/vps/frontend/build.ts'
import { getSourceHash } from '../../../lib/vps/frontend/sources.ts'
import { serverTask } from '../../../lib/vps/packages.ts'
import { getRememberedIpv6, inspectServer, invalidateServerState } from '../../../lib/vps/serverState.ts'
import { getFailure, loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'

/** A site on two servers, a.example and b.example; each reports itself as its only IPv6 address, and these lines. */
async function openTwo(hold?: Runner['hold'], more: (address: string) => string[] = () => []) {
  const config = await loadTestConfig('IONOS_HOST=a.example', 'DASHBOARD_DIR=dashboard')
  mkdirSync(config.stateDir, { recursive: true })
  const [first] = config.servers
  const second: Server = { ...first, name: 'vps2', address: 'b.example' }
  const asked: string[] = []
  const run: Runner['run'] = async (command) => {
    const { address } = (command as Command & { on: Server }).on
    asked.push(address)
    const lines = ['server-state\t1', 'os.ID\tdebian', 'systemd\tyes', `ipv6.address\t${address}`]
    const stdout = [...lines, ...more(address), 'end\tserver-state'].join('\n')
    return { code: 0, stdout, stderr: '', timedOut: false }
  }
  const both: Config = { ...config, servers: [first, second] }
  const runner = { ...openRunner(), run, ...(hold ? { hold } : {}) }
  const context: VpsContext = { ...toSite(both), runner }
  return { context, other: { ...context, server: second }, asked }
}

test('a list for each server: the first one keeps the ids, and each task inspects its own server', async () => {
  const { context, asked } = await openTwo()
  const tasks = onEachServer(context, (each) => [serverTask(each)])
  expect(tasks.map(({ id, title }) => [id, title])).toEqual([
    ['server', 'Packages, folders and services on the VPS'],
    ['server@b.example', 'Packages, folders and services on the VPS (b.example)'],
  ])
  for (const task of tasks) {
    const difference = await task.inspect(nothingAhead)
    const effects = 'effects' in difference ? (difference.effects as (Command & { on: Server })[]) : []
    expect([...new Set(effects.map(({ on }) => on.address))]).toEqual([asked.at(-1)])
  }
  expect(asked).toEqual(['a.example', 'b.example'])
})

test('what is known of one server is not taken for that of another', async () => {
  const { context, other, asked } = await openTwo()
  for (const each of [context, other, { ...context }])
    expect((await inspectServer(each)).ipv6Addresses).toEqual([each.server.address])
  invalidateServerState(other)
  for (const each of [context, other]) await inspectServer(each)
  expect(asked).toEqual(['a.example', 'b.example', 'b.example'])
  expect([context, other].map(getRememberedIpv6)).toEqual([['a.example'], ['b.example']])
})

test('the deploy lock is that of every server, in order, or of none', async () => {
  const events: string[] = []
  let refusing = ''
  const hold: Runner['hold'] = async ({ on: { address } }) => {
    events.push(`asked ${address}`)
    const close = async () => void events.push(`closed ${address}`)
    const firstLine = address === refusing ? 'refused' : 'held'
    return { firstLine, code: undefined, lost: new Promise(() => {}), close }
  }
  const { context } = await openTwo(hold)
  context.runner.run = async () => ({ code: 0, stdout: '', stderr: '', timedOut: false })
  const run = { id: 'i', line: 'deploy', take: true, needed: true, warn: () => {} }
  const lock = lockTask(context, run)
  await lock.task.inspect(nothingAhead)
  expect([lock.held(), events]).toEqual([true, ['asked a.example', 'asked b.example']])
  await lock.release()
  expect(events.splice(0).slice(2)).toEqual(['closed a.example', 'closed b.example'])

  refusing = 'b.example'
  const refused = lockTask(context, run)
  expect(await getFailure(refused.task.inspect(nothingAhead))).toMatchObject({ exitCode: 5 })
  expect([refused.held(), events]).toEqual([
    false,
    ['asked a.example', 'asked b.example', 'closed b.example', 'closed a.example'],
  ])
})

test('unlock ends what is left of one run on every server', async () => {
  const { context } = await openTwo()
  const holders: Record<string, string> = {}
  const run = async (command: Command) => {
    const text = holders[(command as Command & { on: Server }).on.address]
    return { code: 0, stdout: text ? `${text}\n7` : '', stderr: '', timedOut: false }
  }
  const held = { ...context, runner: { ...context.runner, run } }
  const holder = (id: string) => JSON.stringify({ by: 'anna@desk', since: '2026-11-26', what: 'deploy', id })
  expect(await readHolder(held)).toBeUndefined()
  // The connection to a.example was cut; b.example has not noticed it yet.
  holders['b.example'] = holder('one')
  expect(await readHolder(held)).toMatchObject({ id: 'one', pid: 7 })
  const find = async () =>
    breakLocks(await readHolders(held)).map((command) => [
      display(command).slice(0, 5),
      (command as Command & { on: Server }).on.address,
      command.accept,
    ])
  expect(await find()).toEqual([['vps2:', 'b.example', [0]]])
  holders['a.example'] = holder('one')
  expect(await find()).toEqual([
    ['vps: ', 'a.example', [0]],
    ['vps2:', 'b.example', [0, 1]],
  ])
  holders['a.example'] = holder('another')
  expect(await find()).toEqual([['vps: ', 'a.example', [0]]])
})

test('the dashboard is built unless every server has a release of its sources', async () => {
  let source = ''
  const having = new Set(['a.example'])
  const { context } = await openTwo(undefined, (address) => {
    const facts = JSON.stringify({ source, builtAt: '2026-11-26T10:00:00.000Z' })
    return having.has(address) ? [`release\t20261126T100000Z-1a2b3c4d\t\t${facts}`] : []
  })
  const { dashboardDir } = context.config
  mkdirSync(dashboardDir)
  writeFileSync(path.join(dashboardDir, 'package.json'), '{"scripts": {"build": "true"}}')
  source = await getSourceHash(context)
  const inspect = async () => (await buildTask(context).inspect(nothingAhead)).state
  expect(await inspect()).toBe('create')
  having.add('b.example')
  for (const server of context.config.servers) invalidateServerState({ ...context, server })
  expect(await inspect()).toBe('ok')
})
