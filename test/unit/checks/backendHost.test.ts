import { expect, test } from 'vitest'
import type { CheckContext } from '../../../lib/checks/check.ts'
import { withoutUnknownHosts } from '../../../lib/checks/health.ts'
import { checks } from '../../../lib/checks/list.ts'
import { quickChecks } from '../../../lib/checks/quickChecks.ts'
import { createQuickContext, observe } from '../../../lib/checks/run.ts'
import { backend } from '../../../lib/checks/site/api.ts'
import { backendPort } from '../../../lib/checks/vps/server.ts'
import { restoreTasks } from '../../../lib/database/restore/restore.ts'
import type { HttpRequest } from '../../../lib/net/http.ts'
import { type Command, display } from '../../../lib/shell/command.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { unknownError } from '../../../lib/util/errors.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { backendHost, loadTestConfig, openRunner, toSite, withBackendHost } from '../../support/helpers.ts'

/* Who uses the name that this machine saw last, when the backend has another one by now. */

const oldHost = 'codex-old.eastus.azurecontainer.io'

/** A machine that reaches only these hosts, and saw the backend as `seen`. `named`: what Azure says, if it may be asked. */
async function machine(
  seen: string | undefined,
  {
    named,
    reached = backendHost,
    code = 'ENOTFOUND',
  }: { named?: string | Error; reached?: string; code?: string } = {},
) {
  const config = await loadTestConfig()
  if (seen) withBackendHost(config, seen)
  let asked = 0
  const azure = {
    async groups() {
      asked++
      if (named instanceof Error) throw named
      if (named) withBackendHost(config, named)
    },
  }
  const request = async ({ url }: HttpRequest) => {
    const { hostname } = new URL(url)
    if (hostname === reached) return { status: 200, headers: {}, body: '{}', phases: { total: 1 } }
    const syscall = code === 'ENOTFOUND' ? 'getaddrinfo' : 'connect'
    throw Object.assign(new Error(`${syscall} ${code} ${hostname}`), { code, syscall })
  }
  const run = async (command: Command) =>
    display(command).includes(reached)
      ? { code: 0, stdout: '{}', stderr: '', timedOut: false }
      : {
          code: 1,
          stdout: '',
          stderr: 'urllib.error.URLError: <Name or service not known>\n',
          timedOut: false,
        }
  const context = { ...toSite(config), runner: { ...openRunner(), request, run } }
  const quick = createQuickContext(context)
  const checking = (named === undefined ? quick : { ...quick, azure }) as CheckContext
  return { config, context, checking, asked: () => asked }
}

test('health asks Azure for another name only when the one it knows does not answer', async () => {
  const well = await machine(backendHost, { named: backendHost })
  expect(await observe(backend, well.checking)).toMatchObject({ verdict: 'OK' })
  expect(well.asked()).toBe(0)
  const moved = await machine(oldHost, { named: backendHost })
  expect(await observe(backend, moved.checking)).toMatchObject({ verdict: 'OK' })
  const gone = await machine(backendHost, { named: backendHost, reached: '' })
  expect(await observe(backend, gone.checking)).toMatchObject({ verdict: 'CRITICAL' })
  const silent = await machine(oldHost, { named: unknownError('Azure does not answer') })
  expect(await observe(backend, silent.checking), 'what was seen counts').toMatchObject({
    verdict: 'CRITICAL',
  })
  const first = await machine(undefined, { named: unknownError('Azure does not answer') })
  expect(await observe(backend, first.checking)).toMatchObject({
    ...{ verdict: 'UNKNOWN', detail: expect.stringContaining('Azure does not answer') },
  })
})

test('a machine without any name has time to ask Azure', () => {
  expect(backend.timeoutMs).toBeGreaterThan(20_000)
})

test('health --quick: a name that is gone says nothing about the backend, a silent one does', async () => {
  const { checking } = await machine(oldHost)
  expect(await observe(backend, checking)).toMatchObject({
    verdict: 'UNKNOWN',
    detail: expect.stringContaining(oldHost),
    next: expect.stringContaining('may have another name'),
  })
  for (const code of ['ETIMEDOUT', 'ECONNREFUSED']) {
    const silent = await machine(oldHost, { code })
    expect(await observe(backend, silent.checking)).toMatchObject({ verdict: 'CRITICAL' })
  }
})

test('health --quick on a machine that never saw the backend leaves its check out, unless it is named', async () => {
  const { context } = await machine(undefined)
  const ids = (...about: [only?: readonly string[]]) =>
    withoutUnknownHosts(context, quickChecks as Parameters<typeof withoutUnknownHosts>[1], ...about).map(
      ({ id }) => id,
    )
  expect(ids()).not.toContain('backend')
  expect(ids()).toContain('api')
  expect(ids(['backend'])).toContain('backend')
  expect(withoutUnknownHosts(context, checks), 'Azure may be asked').toEqual(checks)
  withBackendHost(context.config)
  expect(ids()).toContain('backend')
})

test('doctor: the port of the backend under the name that Azure shows now', async () => {
  const moved = await machine(oldHost, { named: backendHost })
  expect(await backendPort.run(moved.checking)).toMatchObject({
    verdict: 'OK',
    detail: `${backendHost} answers`,
  })
  const same = await machine(oldHost, { named: oldHost })
  expect(await backendPort.run(same.checking)).toMatchObject({ verdict: 'CRITICAL' })
})

test('a restore of the live database needs no login to Azure, and no name that is still true', async () => {
  const { context: loggedOut } = await fakeAz({
    ...{ match: /^account show/, code: 1, stderr: "ERROR: Please run 'az login' to setup account." },
  })
  const site = loggedOut.config.domain
  for (const seen of [undefined, oldHost]) {
    const { context } = await machine(seen, { reached: site })
    const runner = { ...loggedOut.runner, request: context.runner.request }
    const { tasks } = restoreTasks(
      { config: context.config, runner },
      'a.dump',
      context.config.postgres.database,
    )
    const backendTask = tasks.find(({ id }) => id === 'backend')!
    expect(await backendTask.inspect(nothingAhead)).toMatchObject({
      ...{ state: 'ok', reason: `https://${site}/_dominion/health answers 200` },
    })
  }
})
