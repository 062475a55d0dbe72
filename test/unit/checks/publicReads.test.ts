import { expect, test } from 'vitest'
import { asVps } from '../../../lib/checks/fromVps.ts'
import { createQuickContext, observe } from '../../../lib/checks/run.ts'
import { apiAreas } from '../../../lib/checks/site/api.ts'
import { authorize } from '../../../lib/checks/site/http.ts'
import { frontPage } from '../../../lib/checks/site/pages.ts'
import { deriveApiToken } from '../../../lib/config/secret.ts'
import type { HttpRequest } from '../../../lib/net/http.ts'
import type { Command } from '../../../lib/shell/command.ts'
import { loadTestConfig, openRunner, toSite } from '../../support/helpers.ts'

const key = 'an-application-key-of-32-letters'
const token = deriveApiToken(key)

/** What the checks of the pages and of the API send. */
async function ask(...lines: string[]) {
  const sent: HttpRequest[] = []
  const runner = {
    ...openRunner(),
    async request(request: HttpRequest) {
      sent.push(request)
      return { status: 200, headers: {}, body: '<html>', phases: { total: 1 } }
    },
  }
  const context = { ...toSite(await loadTestConfig(...lines)), runner }
  const results = await Promise.all(
    [frontPage, ...apiAreas].map((check) => observe(check, createQuickContext(context))),
  )
  return { context, sent, results }
}

test('where everyone may read, no check sends the token, nor needs the key', async () => {
  const { sent } = await ask('APP_SECRET_KEY=env:NO_SUCH_VARIABLE')
  expect(sent.map(({ headers }) => ({ ...headers }))).toEqual(Array(1 + apiAreas.length).fill({}))
})

test('with PUBLIC_READS=no, only the checks of the API send it, only over TLS, and it is redacted', async () => {
  const { context, sent } = await ask('PUBLIC_READS=no', `APP_SECRET_KEY=${key}`)
  for (const { url, headers } of sent)
    expect({ ...headers }, url).toEqual(url.includes('/api/') ? { authorization: `Bearer ${token}` } : {})
  expect(sent.filter(({ url }) => /^https:.*\/api\//.test(url))).toHaveLength(apiAreas.length)
  expect(await authorize(context, 'http://a.app/api/agents')).toEqual({})
  expect(context.runner.secrets.clean(`sent ${token}`)).toBe('sent ***')
})

test('without the key, the checks of the API are UNKNOWN and ask nothing', async () => {
  const { sent, results } = await ask('PUBLIC_READS=no', 'APP_SECRET_KEY=')
  expect(sent.map(({ url }) => url)).toEqual(['https://codexdominion.app/'])
  expect(results.slice(1).map(({ verdict }) => verdict)).toEqual(apiAreas.map(() => 'UNKNOWN'))
  expect(results[1]!.detail).toContain('APP_SECRET_KEY is not set')
})

test('the VPS reads it from standard input: it is neither in the arguments nor in the transcript', async () => {
  const { context } = await ask('PUBLIC_READS=no', `APP_SECRET_KEY=${key}`)
  const commands: Command[] = []
  const run = async (command: Command) => {
    commands.push(command)
    return { code: 0, stdout: '', stderr: '', timedOut: false }
  }
  const there = asVps({ ...context, runner: { ...context.runner, run: run as never } })
  await Promise.all(apiAreas.map((check) => observe(check, createQuickContext(there))))
  expect(commands).toHaveLength(1)
  expect(String(commands[0]!.stdin)).toContain(`Bearer ${token}`)
  expect(JSON.stringify(commands[0]!.argv)).not.toContain(token)
})
