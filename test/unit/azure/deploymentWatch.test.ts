import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { watchDeployment } from '../../../lib/azure/deployment.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { getFailure } from '../../support/helpers.ts'

const account = { match: /^account show/, stdout: '{"id":"s","name":"Codex","tenantId":"t"}' }
const operation = (
  resourceType: string,
  provisioningState: string,
  error?: object,
  resourceName = 'codex',
) => ({
  properties: {
    provisioningState,
    targetResource: { resourceType, resourceName },
    ...(error ? { statusMessage: { error } } : {}),
  },
})
const server = 'Microsoft.DBforPostgreSQL/flexibleServers'
const busy = {
  code: 'ServerIsBusy',
  message:
    "Cannot complete operation while server 'codex' is busy processing another operation. Try again later.",
}
const failedDatabase = [
  operation(server, 'Succeeded'),
  operation(`${server}/databases`, 'Failed', busy),
  operation('Microsoft.ContainerRegistry/registries', 'Succeeded'),
]
const whole = [
  operation(server, 'Succeeded'),
  operation(`${server}/databases`, 'Succeeded'),
  operation(`${server}/firewallRules`, 'Succeeded', undefined, 'codex/azure-services'),
  operation(`${server}/firewallRules`, 'Succeeded', undefined, 'codex/operator'),
  operation('Microsoft.ContainerRegistry/registries', 'Succeeded'),
]

/**
 * Follows a deployment that shows these operations in turn, one round each, and then repeats the last one; nothing
 * waits.
 */
async function follow(
  rounds: object[][],
  endStates = ['Failed'],
  part: 'database' | 'registry' = 'database',
) {
  const { context } = await fakeAz(account)
  const { runner } = context
  let round = 0
  let end = 0
  const run = async (command: Parameters<typeof runner.run>[0]) => {
    const line = command.argv.join(' ')
    const answer = (value: unknown) => ({ code: 0, stdout: JSON.stringify(value), stderr: '' })
    if (/operation group list/.test(line)) return answer(rounds[Math.min(round++, rounds.length - 1)])
    if (/deployment group show/.test(line)) {
      const provisioningState = endStates[Math.min(end++, endStates.length - 1)]
      const error = { code: 'DeploymentFailed', message: 'At least one failed.', details: [busy] }
      return answer({
        properties: { provisioningState, ...(provisioningState === 'Failed' ? { error } : {}) },
      })
    }
    return runner.run(command)
  }
  const scripted = { ...context, runner: { ...runner, run: run as typeof runner.run } }
  const told: string[] = []
  const pauses: number[] = []
  let submitted = 0
  const watch = watchDeployment(scripted, 'codex-data-tier-1', createAzure(scripted), {
    submit: async () => {
      submitted += 1
    },
    pause: async (ms) => {
      pauses.push(ms)
    },
  })
  const outcome = watch.until(part, (line) => told.push(line))
  return { outcome, told, pauses, count: () => submitted }
}

test('a busy PostgreSQL: once the deployment has ended, it is resubmitted after 30 s, and the operator sees it', async () => {
  const { outcome, told, pauses, count } = await follow(
    [failedDatabase, whole],
    ['Running', 'Running', 'Failed'],
  )
  await outcome
  expect(count()).toBe(1)
  expect(pauses.filter((ms) => ms === 30_000)).toHaveLength(1)
  expect(told).toContainEqual(
    expect.stringMatching(/PostgreSQL is busy with another operation.*resubmitted.*\(1 of 3\)/),
  )
})

test('always busy: resubmitted three times, then Azure’s message with what to do', async () => {
  const { outcome, count, pauses } = await follow([failedDatabase])
  const failure = await getFailure(outcome)
  expect(count()).toBe(3)
  expect(pauses.filter((ms) => ms === 30_000)).toHaveLength(3)
  expect(failure.what).toBe('PostgreSQL is busy with another operation')
  expect(failure.said).toContain('ServerIsBusy: Cannot complete operation')
})

test('the deployment fails because of a busy server before any operation shows it: resubmitted, too', async () => {
  const { outcome, count } = await follow([[], whole], ['Failed'])
  await outcome
  expect(count()).toBe(1)
})

test('any other refusal ends the wait at once', async () => {
  const restricted = {
    code: 'LocationIsOfferRestricted',
    message: "Subscriptions are restricted from provisioning in location 'eastus'.",
  }
  const { outcome, count } = await follow([[operation(server, 'Failed', restricted)]])
  const failure = await getFailure(outcome)
  expect(count()).toBe(0)
  expect(failure.what).toBe('This subscription may not create PostgreSQL servers in eastus')
})

test('parts that wait in parallel cause one resubmission', async () => {
  const { context } = await fakeAz(account)
  let submitted = 0
  const run = async (command: Parameters<typeof context.runner.run>[0]) => {
    const line = command.argv.join(' ')
    const answer = (value: unknown) => ({ code: 0, stdout: JSON.stringify(value), stderr: '' })
    if (/operation group list/.test(line)) return answer(submitted ? whole : failedDatabase)
    if (/deployment group show/.test(line)) return answer({ properties: { provisioningState: 'Failed' } })
    return context.runner.run(command)
  }
  const scripted = { ...context, runner: { ...context.runner, run: run as typeof context.runner.run } }
  const watch = watchDeployment(scripted, 'codex-data-tier-1', createAzure(scripted), {
    submit: async () => {
      submitted += 1
    },
    pause: async () => {},
  })
  await Promise.all([
    watch.until('database', () => {}),
    watch.until('database', () => {}),
    watch.until('registry', () => {}),
  ])
  expect(submitted).toBe(1)
})
