import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { display } from '../../../lib/shell/command.ts'
import { nothingAhead } from '../../../lib/tasks/task.ts'
import { nginxHttpsTask } from '../../../lib/vps/nginx/tasks.ts'
import { nginxUpstream } from '../../../lib/vps/nginx/upstream.ts'
import { createCertificate } from '../../support/certificate.ts'
import {
  backendHost,
  loadTestConfig,
  openRunner,
  temporaryFolder,
  toSite,
  withBackendHost,
} from '../../support/helpers.ts'

/** A server with a certificate, whose nginx sends /api/ to this host. */
async function server(backend: string, seen = false) {
  const config = await loadTestConfig()
  const { cert } = createCertificate(temporaryFolder(), ['codexdominion.app'])
  const pem = cert.replaceAll(/-----.*-----|\n/g, '')
  const stdout = [
    ...['server-state\t1', 'nameserver\t9.9.9.9', 'nginx.version\t1.22.1', `nginx.backend\t${backend}`],
    ...[`certificate.pem\t${pem}`, 'end\tserver-state'],
  ].join('\n')
  const run = async () => ({ code: 0, stdout, stderr: '', timedOut: false })
  return { ...toSite(seen ? withBackendHost(config) : config), runner: { ...openRunner(), run } }
}

/** The host that configure-nginx would send /api/ to. */
async function getHost(...about: Parameters<typeof server>) {
  const found = await nginxHttpsTask(await server(...about)).inspect(nothingAhead)
  const [effect] = 'effects' in found ? found.effects! : []
  const stdin = effect && 'stdin' in effect ? effect.stdin : undefined
  if (typeof stdin !== 'function') throw new Error('configure-nginx would change nothing')
  return /set \$backend (\S+);/.exec(await text(stdin()))?.[1]
}

test.each([
  ['a host that a release chose stays', 'codex-api-next.1234.eastus.azurecontainer.io', true, undefined],
  ['without one, it is the backend that this machine saw', '', true, backendHost],
  ['also after a time without one', 'backend.invalid', true, backendHost],
  ['and instead of what is not a host name', '$http_host', true, backendHost],
  ['a machine that saw none names a host that nobody can own', '', false, 'backend.invalid'],
])('%s', async (_, there, seen, wanted = there) => {
  expect(await getHost(there, seen)).toBe(wanted)
})

test('a plan shows no name of a set before Azure has named the host', async () => {
  const { linesTo } = nginxUpstream(await server('backend.invalid'))
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
  expect(await describe('', true)).not.toContain('502')
  expect(await describe('codex-api-next.1234.eastus.azurecontainer.io')).not.toContain('502')
})
