import { expect, test } from 'vitest'
import { openArm } from '../../../lib/azure/arm.ts'
import { createAzure } from '../../../lib/azure/client.ts'
import {
  allowed,
  azureLogin,
  azureNames,
  azurePermissions,
  azureRegions,
  containerCores,
  providers,
} from '../../../lib/checks/azure/subscription.ts'
import type { CheckContext } from '../../../lib/checks/check.ts'
import type { HttpRequest } from '../../../lib/net/http.ts'
import { answerRequest, createEmptyWorld, idleTypes } from '../../support/emulatorFixtures.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { loadTestConfig } from '../../support/helpers.ts'

test('permissions: patterns, exceptions, and another role that allows it', () => {
  const action = 'Microsoft.Cache/redisEnterprise/write'
  expect(allowed([{ actions: ['*/read'] }], action)).toBe(false)
  expect(allowed([{ actions: ['microsoft.cache/*'] }], action)).toBe(true)
  const but = { actions: ['*'], notActions: ['Microsoft.Cache/*/write'] }
  expect(allowed([but], action)).toBe(false)
  expect(allowed([but, { actions: ['Microsoft.Cache/redisEnterprise/*'] }], action)).toBe(true)
  expect(allowed([{ actions: ['MicrosoftxCache/redisEnterprise/write'] }], action)).toBe(false)
})

/** Judges a login with this role, on the resource group or, where there is none, on the subscription. */
async function judgeRole(notActions: string[], groupExists = true) {
  const context = { config: await loadTestConfig() }
  const azure = { account: async () => ({ id: 'sub' }) }
  const arm = {
    get: async (path: string) =>
      groupExists || !path.includes('resourceGroups')
        ? { value: [{ actions: ['*'], notActions }] }
        : undefined,
  }
  return azurePermissions.run({ context, azure, arm } as unknown as CheckContext)
}

const needed = `
  Microsoft.Cache/redisEnterprise/read
  Microsoft.Cache/redisEnterprise/write
  Microsoft.Cache/redisEnterprise/delete
  Microsoft.Cache/redisEnterprise/databases/read
  Microsoft.Cache/redisEnterprise/databases/write
  Microsoft.Cache/redisEnterprise/databases/listKeys/action
  Microsoft.ContainerInstance/containerGroups/read
  Microsoft.ContainerInstance/containerGroups/write
  Microsoft.ContainerInstance/containerGroups/delete
  Microsoft.ContainerInstance/containerGroups/restart/action
  Microsoft.ContainerInstance/containerGroups/containers/logs/read
  Microsoft.ContainerRegistry/registries/read
  Microsoft.ContainerRegistry/registries/write
  Microsoft.ContainerRegistry/registries/listCredentials/action
  Microsoft.ContainerRegistry/registries/listBuildSourceUploadUrl/action
  Microsoft.ContainerRegistry/registries/scheduleRun/action
  Microsoft.ContainerRegistry/registries/runs/read
  Microsoft.ContainerRegistry/registries/runs/listLogSasUrl/action
  Microsoft.DBforPostgreSQL/flexibleServers/read
  Microsoft.DBforPostgreSQL/flexibleServers/write
  Microsoft.DBforPostgreSQL/flexibleServers/configurations/read
  Microsoft.DBforPostgreSQL/flexibleServers/configurations/write
  Microsoft.DBforPostgreSQL/flexibleServers/databases/read
  Microsoft.DBforPostgreSQL/flexibleServers/databases/write
  Microsoft.DBforPostgreSQL/flexibleServers/firewallRules/read
  Microsoft.DBforPostgreSQL/flexibleServers/firewallRules/write
  Microsoft.Resources/deployments/read
  Microsoft.Resources/deployments/write
  Microsoft.Resources/deployments/validate/action
  Microsoft.Resources/deployments/operations/read
  Microsoft.Resources/subscriptions/resourceGroups/read`
  .trim()
  .split(/\s+/)

test.each(needed)('a role without %s is CRITICAL', async (action) => {
  expect(await judgeRole([action])).toMatchObject({
    verdict: 'CRITICAL',
    detail: `this login lacks the permissions for: ${action}`,
  })
})

test.each([
  'Microsoft.Authorization/policyAssignments/read',
  'Microsoft.ContainerInstance/locations/usages/read',
  'Microsoft.ContainerRegistry/checkNameAvailability/read',
  'Microsoft.DBforPostgreSQL/checkNameAvailability/action',
  'Microsoft.DBforPostgreSQL/locations/capabilities/read',
  'Microsoft.DBforPostgreSQL/locations/resourceType/usages/read',
  'Microsoft.Resources/subscriptions/locations/read',
  'Microsoft.Resources/subscriptions/providers/read',
  'Microsoft.Insights/metrics/read',
])('a role without %s is a WARNING: a deploy works', async (action) => {
  expect(await judgeRole([action])).toMatchObject({
    verdict: 'WARNING',
    detail: expect.stringContaining(action),
    next: `Ask for the role ${action.endsWith('/read') ? 'Reader' : 'Contributor'} on the subscription (az role assignment create).`,
  })
})

/** Judges the login of the rehearsal, as its Azure describes it. */
async function judgeRehearsal(group: string, fault?: string) {
  const world = createEmptyWorld(idleTypes)
  if (fault) world.faults.set(fault, { name: fault })
  const { id } = world.subscription
  const { context } = await fakeAz(
    { match: /^account show/, stdout: JSON.stringify({ id, name: 'Codex' }) },
    {
      match: /^account get-access-token/,
      stdout: JSON.stringify({ accessToken: 'token', subscription: id }),
    },
  )
  const asking = {
    config: await loadTestConfig(`AZURE_RESOURCE_GROUP=${group}`),
    runner: { ...context.runner, request: (request: HttpRequest) => answerRequest(world, request) },
  }
  const checking = { context: asking, azure: createAzure(asking), arm: openArm(asking) }
  const judged = await azurePermissions.run(checking as unknown as CheckContext)
  expect(world.judge.verdict.findings).toEqual([])
  return judged
}

test('a login with rights on the resource group only: a deploy works, and can ask Azure less beforehand', async () => {
  expect(await judgeRehearsal('rg', 'few-rights')).toEqual({
    verdict: 'WARNING',
    detail: expect.stringMatching(
      /^a deploy can check less beforehand, .*: Microsoft\.Authorization\/policyAssignments\/read, .*, Microsoft\.Resources\/subscriptions\/providers\/read$/,
    ),
    next: 'Ask for the role Contributor on the subscription (az role assignment create).',
  })
})

test('a login with rights on another resource group only is CRITICAL', async () => {
  expect(await judgeRehearsal('none', 'few-rights')).toMatchObject({
    verdict: 'CRITICAL',
    detail: 'this login has no role on the resource group none, or the group does not exist',
  })
})

test('before the first deploy, the rights on the subscription count, and one more is needed', async () => {
  const count = async (group: string) => {
    const { verdict, detail } = await judgeRehearsal(group)
    expect(verdict).toBe('OK')
    return Number(/^all (\d+) that a deploy needs$/.exec(detail)?.[1])
  }
  expect(await count('none')).toBe((await count('rg')) + 1)
})

test.each([providers, containerCores])(
  '$title that may not be read are UNKNOWN, with the role to ask for',
  async (check) => {
    const message = `The client 'x' does not have authorization to perform action 'Microsoft.X/read' over scope '/subscriptions/sub/providers/Microsoft.X'`
    const body = JSON.stringify({ error: { code: 'AuthorizationFailed', message } })
    const { context } = await fakeAz(
      { match: /^account show/, stdout: '{"id":"sub","name":"Codex"}' },
      { match: /^account get-access-token/, stdout: '{"accessToken":"token","subscription":"sub"}' },
      { match: /^container list/, stdout: '[]' },
    )
    const request = async () => ({ status: 403, headers: {}, body, phases: { total: 1 } })
    const refusing = { ...context, runner: { ...context.runner, request } }
    const checking = { context: refusing, azure: createAzure(refusing), arm: openArm(refusing) }
    expect(await check.run(checking as unknown as CheckContext)).toEqual({
      verdict: 'UNKNOWN',
      detail: expect.stringMatching(
        /^Could not ask Azure about the .*lacks the permission.*AuthorizationFailed/,
      ),
      next: 'Ask for the role Reader on the subscription (az role assignment create).',
    })
  },
)

test('only a group that does not exist yet must be creatable', async () => {
  const action = 'Microsoft.Resources/subscriptions/resourceGroups/write'
  expect((await judgeRole([action])).verdict).toBe('OK')
  expect(await judgeRole([action], false)).toMatchObject({
    verdict: 'CRITICAL',
    detail: expect.stringContaining(action),
  })
})

test.each([
  ['user', '2.45.0', 'WARNING'],
  ['user', '2.75.0', 'WARNING'],
  ['user', '2.76.0', 'OK'],
  ['servicePrincipal', '2.45.0', 'OK'],
] as const)('a login as %s with az %s: %s, because of the second factor', async (type, version, verdict) => {
  const account = { id: 'sub', name: 'Codex', user: { name: 'me@a.app', type } }
  const { context } = await fakeAz(
    { match: /^account show/, stdout: JSON.stringify(account) },
    { match: /^version/, stdout: JSON.stringify({ 'azure-cli': version }) },
  )
  const judged = await azureLogin.run({ context, azure: createAzure(context) } as CheckContext)
  expect(judged.verdict).toBe(verdict)
  if (verdict === 'WARNING') {
    expect(judged.detail).toContain(`second factor (MFA) of users for every change, and az ${version} cannot`)
    expect(judged.next).toMatch(/Install az 2\.76\.0 or newer.*az login --service-principal/)
  }
})

test('what exists is not asked about', async () => {
  const part = { properties: {} }
  const azure = {
    dataTier: async () => ({ registry: part, database: part, redis: part }),
    groups: async () => [{ name: 'codex-backend' }, { name: 'codex-worker' }],
  }
  const checking = { context: { config: await loadTestConfig() }, azure } as unknown as CheckContext
  for (const check of [azureRegions, azureNames])
    expect(await check.run(checking)).toEqual({ verdict: 'OK', detail: 'everything exists' })
})
