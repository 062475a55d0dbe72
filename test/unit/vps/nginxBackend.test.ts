import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { display } from '../../../lib/shell/command.ts'
import { nothingAhead, type Task } from '../../../lib/tasks/task.ts'
import { nginxHttpsTask, nginxHttpTask, switchBackendTask } from '../../../lib/vps/nginx/tasks.ts'
import { nginxUpstream } from '../../../lib/vps/nginx/upstream.ts'
import {
  backendHost,
  getFailure,
  loadTestConfig,
  openRunner,
  toSite,
  withBackendHost,
} from '../../support/helpers.ts'

/** A certificate for codexdominion.app, whose key nobody has. */
const certificate = [
  'MIIBrjCCAVOgAwIBAgIUbnuatBrQVU4ypVoOiFKFoayEWwAwCgYIKoZIzj0EAwIwHDEaMBgGA1UEAwwRY29kZXhkb21pbmlvbi5h',
  'cHAwIBcNMjYxMTI2MTUwMDM3WhgPMjEyNjExMDIxNTAwMzdaMBwxGjAYBgNVBAMMEWNvZGV4ZG9taW5pb24uYXBwMFkwEwYHKoZI',
  'zj0CAQYIKoZIzj0DAQcDQgAEGZQOwGSaelYwuswL1xECt8ub1x6OY3F3rXU6gBE3HnEXRh7xgneddyIJKL8Dpf4mpRxgj7YSFGws',
  'Sy/Pwt7Sw6NxMG8wHQYDVR0OBBYEFJBY0OnPr2BAGh4upTPXCHfGuXz9MB8GA1UdIwQYMBaAFJBY0OnPr2BAGh4upTPXCHfGuXz9',
  'MA8GA1UdEwEB/wQFMAMBAf8wHAYDVR0RBBUwE4IRY29kZXhkb21pbmlvbi5hcHAwCgYIKoZIzj0EAwIDSQAwRgIhAOaExDnv/map',
  'Q9+zkSDZ0WZYYWnCwSsuUB/AlkTloI28AiEA4k5qFMRXj3uMSlghG5ajySAGDso43KrYdolPsUSQ3fI=',
].join('')

/** A server with a certificate, whose nginx sends /api/ to `backend`; this machine saw the backend as `seen`. */
async function server(backend: string, seen?: string, ...more: string[]) {
  const config = await loadTestConfig()
  const stdout = [
    ...['server-state\t1', 'nameserver\t9.9.9.9', 'nginx.version\t1.22.1', `nginx.backend\t${backend}`],
    ...[`certificate.pem\t${certificate}`, ...more, 'end\tserver-state'],
  ].join('\n')
  const run = async () => ({ code: 0, stdout, stderr: '', timedOut: false })
  return { ...toSite(seen ? withBackendHost(config, seen) : config), runner: { ...openRunner(), run } }
}

/** The host that a task of nginx would send /api/ to. */
async function findHost(task: Task) {
  const found = await task.inspect(nothingAhead)
  const [effect] = 'effects' in found ? found.effects! : []
  const stdin = effect && 'stdin' in effect ? effect.stdin : undefined
  if (typeof stdin !== 'function') throw new Error('it would change nothing')
  return /set \$backend (\S+);/.exec(await text(stdin()))?.[1]
}

const surgeHost = 'codex-api-next.1234.eastus.azurecontainer.io'
const unscoped = 'codex-api.eastus.azurecontainer.io'
const nobody = 'backend.invalid'

test.each([
  ['a host that a release chose stays', surgeHost, backendHost, surgeHost],
  ['also one of an older release', unscoped, backendHost, unscoped],
  ['without one, it is the backend that this machine saw', '', backendHost, backendHost],
  ['also after a time without one', nobody, backendHost, backendHost],
  ['and instead of what is not a host name', '$http_host', backendHost, backendHost],
  ['a machine that saw none names a host that nobody can own', '', undefined, nobody],
  ['also one that saw a name without a hash, which a stranger may have by now', '', unscoped, nobody],
  ['also one that saw the backend under another label', '', backendHost.replace('api', 'old'), nobody],
  ['also one that saw it in another region', nobody, backendHost.replace('eastus', 'westus'), nobody],
])('%s', async (_, there, seen, wanted) => {
  expect(await findHost(nginxHttpsTask(await server(there, seen)))).toBe(wanted)
})

test('a list that may ask Azure: both tasks of a new server take the host that Azure shows, not the one of before', async () => {
  const stale = backendHost.replace('0123', '4567')
  const context = await server('', stale)
  let asked = 0
  const azure = {
    async groups() {
      asked++
      withBackendHost(context.config)
    },
  }
  expect(await findHost(nginxHttpTask(context, { azure }))).toBe(backendHost)
  expect(await findHost(nginxHttpsTask(context, { azure }))).toBe(backendHost)
  expect(asked).toBe(2)
  const silent = { groups: () => Promise.reject(new Error('Azure does not answer')) }
  expect(await findHost(nginxHttpTask(await server('', stale), { azure: silent }))).toBe(stale)
  expect(await findHost(nginxHttpTask(await server(surgeHost), { azure: silent }))).toBe(surgeHost)
})

test('a plan shows no name of a set before Azure has named the host', async () => {
  const { linesTo } = nginxUpstream(await server(nobody))
  const [unnamed] = (await linesTo(undefined)).map(display)
  expect(unnamed).toContain(" codexdominion.app '<set>' ")
  const [known] = (await linesTo(backendHost)).map(display)
  expect(known).toMatch(/ codexdominion\.app [0-9a-f]{12} /)
})

test('a machine that does not know the backend says that /api/ does not work yet', async () => {
  const describe = async (...about: Parameters<typeof server>) => {
    const found = await nginxHttpsTask(await server(...about)).inspect(nothingAhead)
    return 'what' in found ? found.what : found.state
  }
  expect(await describe('')).toContain('/api/ answers 502 until a release of the backend')
  expect(await describe('', backendHost)).not.toContain('502')
  expect(await describe(surgeHost)).not.toContain('502')
})

test('every configuration is refused while another site of this toolbox is the default server', async () => {
  const context = await server('', undefined, 'nginx.neighbour\tother.app')
  for (const task of [
    nginxHttpTask(context),
    nginxHttpsTask(context),
    switchBackendTask(context, surgeHost),
  ]) {
    expect(await getFailure(task.inspect(nothingAhead))).toMatchObject({
      exitCode: 2,
      what: expect.stringContaining('already serves other.app, so nginx cannot serve codexdominion.app'),
      next: expect.stringMatching(/IONOS_HOST in \.env .* rm \/etc\/nginx\/sites-enabled\/other\.app\.conf$/),
    })
  }
})
