import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { az } from '../../../lib/azure/cli.ts'
import { openRecorder } from '../../../lib/azure/recording/recorder.ts'
import { local } from '../../../lib/shell/command.ts'
import { createAuthority } from '../../../rehearsal/authority.ts'
import { arm } from '../../../rehearsal/azure/arm.ts'
import { login } from '../../../rehearsal/azure/login.ts'
import { openGateway } from '../../../rehearsal/azure/proxy.ts'
import { judgeRecording, readRecording } from '../../../rehearsal/judge/recording.ts'
import { createEmptyWorld } from '../../support/emulatorFixtures.ts'
import { openRunner, temporaryFolder } from '../../support/helpers.ts'
import { openReplay } from '../../support/replay.ts'

const secret = 'Gr8-"known"-ünï'

const template = {
  $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  parameters: { word: { type: 'secureString' } },
  resources: [
    {
      ...{ type: 'Microsoft.ContainerRegistry/registries', apiVersion: '2023-07-01', name: 'codexregistry' },
      ...{ location: 'eastus', sku: { name: 'Basic' }, properties: { adminUserEnabled: true } },
      // A secret in a place that nobody expects.
      tags: { note: "[parameters('word')]" },
    },
  ],
}

async function openCloud(folder: string) {
  const authority = await createAuthority(path.join(folder, 'authority'))
  const subscription = { id: '9d3c8a1e-0b52-4c1f-8f43-5a7d2e6b1c90', name: 'Test', tenant: 'tenant' }
  const empty = createEmptyWorld()
  const network = { ...empty.network, host: '127.0.0.1' }
  const world = Object.assign(empty, { authority, subscription, network })
  const hosts = {
    'login.microsoftonline.com': (call: Parameters<typeof login>[1]) => login(world, call),
    'management.azure.com': (call: Parameters<typeof arm>[1]) => arm(world, call),
  }
  const gateway = await openGateway(world, hosts, 0)
  onTestFinished(() => gateway.stop())
  return { world, authority, proxyUrl: gateway.proxyUrl }
}

test('the real az is recorded without secrets, and the recording can be judged and replayed', {
  // A call of az takes seconds on a busy machine.
  timeout: 300_000,
}, async () => {
  const folder = temporaryFolder()
  const { world, authority, proxyUrl } = await openCloud(folder)
  const { id, tenant } = world.subscription
  const recorder = openRecorder({ folder: path.join(folder, 'recording'), id: 'run', script: 'provision' })
  const variables = {
    AZURE_CONFIG_DIR: path.join(folder, 'az'),
    REQUESTS_CA_BUNDLE: authority.certificateFile,
  }
  const open = (proxy: string, more: Parameters<typeof openRunner>[0] = {}) =>
    openRunner({ known: [secret], envOf: { az: { ...variables, HTTPS_PROXY: proxy } }, ...more })
  await open(proxyUrl).run(
    local.change({ stdin: world.servicePrincipal.secret })`
      az login --service-principal --username ${world.servicePrincipal.id} --password @- --tenant ${tenant}
        --output none`,
  )

  const runner = open(proxyUrl, { recorder })
  recorder.cleanWith(runner.secrets.clean)
  const file = path.join(folder, 'template.json')
  writeFileSync(file, JSON.stringify(template))
  await runner.run(
    az.change({ stdin: JSON.stringify({ parameters: { word: { value: secret } } }) })`
      deployment group create --resource-group rg --name first --template-file ${file} --parameters @-`,
  )
  const registry = `/subscriptions/${id}/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/codexregistry`
  const show = az`resource show --ids ${registry} ${registry} --api-version 2023-07-01`
  await runner.run(show)
  const credentials = await runner.runPrivately(
    az`rest --method post --url ${registry}/listCredentials?api-version=2023-07-01`,
  )
  const { passwords } = JSON.parse(credentials.stdout) as { passwords: { value: string }[] }

  const text = readFileSync(path.join(folder, 'recording', 'run.jsonl'), 'utf8')
  for (const word of [
    secret,
    JSON.stringify(secret).slice(1, -1),
    id,
    ...passwords.map(({ value }) => value),
  ])
    expect(text).not.toContain(word)
  const exchanges = readRecording(path.join(folder, 'recording'))
  const put = exchanges.find(({ method, url }) => method === 'PUT' && url.includes('/deployments/first?'))
  expect(put).toMatchObject({ request: { properties: { template, parameters: { word: { value: '***' } } } } })
  const shown = exchanges.filter(({ command }) => command.startsWith('az resource show'))
  expect(shown, 'one after the other').toMatchObject(
    Array(2).fill({ status: 200, answer: { tags: { note: '***' } } }),
  )
  expect(judgeRecording(exchanges)).toMatchObject({ findings: [], requests: 6, withoutModel: 1 })

  const replay = await openReplay(exchanges, authority)
  onTestFinished(() => replay.stop())
  const again = JSON.parse((await open(replay.proxyUrl).run(show)).stdout) as object[]
  expect(again).toMatchObject(shown.map(({ answer }) => answer))
  const unknown = await open(replay.proxyUrl).run(az({ accept: [1, 3] })`group show --name other`)
  expect(unknown.stderr).toContain('Not recorded: GET')
  expect(replay.missed()).toEqual([`GET management.azure.com/subscriptions/${id}/resourcegroups/other`])
})
