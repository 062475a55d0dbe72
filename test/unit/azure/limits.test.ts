import { expect, test } from 'vitest'
import { createAzure } from '../../../lib/azure/client.ts'
import { assertAllowed, getLimits, readLimits } from '../../../lib/azure/containers/limits.ts'
import { fakeAz } from '../../support/fakeAz.ts'
import { getFailure } from '../../support/helpers.ts'

const capability = (more: object, maxCpu = 31, maxMemoryInGB = 240) => ({
  ...{ resourceType: 'containerGroups', osType: 'Linux', ipAddressType: 'Public', gpu: 'None' },
  ...{ location: 'eastus', capabilities: { maxCpu, maxMemoryInGB, maxGpuCount: 0 } },
  ...more,
})
const refusal = (cpu: number, memoryGb: number, limits = getLimits([], 'eastus')) =>
  getFailure(Promise.resolve().then(() => assertAllowed({ cpu, memoryGb }, limits)))

test('a refused size, with the nearest allowed one', async () => {
  for (const [cpu, memoryGb] of [
    [1, 1],
    [4, 16],
    [1.5, 3.5],
  ] as const)
    assertAllowed({ cpu, memoryGb }, getLimits([], 'eastus'))
  expect(await refusal(5, 32)).toMatchObject({
    what: expect.stringMatching(/^A container of 5 CPU and 32 GB is not allowed: 1 to 4 CPU and 1 to 16 GB/),
    next: 'Nearest allowed size: --cpu 4 --memory 16',
    exitCode: 2,
  })
  expect((await refusal(0.5, 2.25)).next).toBe('Nearest allowed size: --cpu 1 --memory 2.3')
  expect((await refusal(2, 0.1)).next).toBe('Nearest allowed size: --cpu 2 --memory 1')
})

test('the limits that the region reports apply', async () => {
  assertAllowed({ cpu: 31, memoryGb: 240 }, getLimits([capability({})], 'eastus'))
  const others = [{ osType: 'Windows' }, { gpu: 'V100' }, { ipAddressType: 'Private' }].map((more) =>
    capability(more),
  )
  expect(getLimits([...others, capability({}, 2, 8)], 'eastus').most).toEqual({ cpu: 2, memoryGb: 8 })
  expect(getLimits(others, 'eastus').most).toEqual({ cpu: 4, memoryGb: 16 })
})

test('limits are read from ARM; silence is not a limit', async () => {
  const id = '11111111-1111-1111-1111-111111111111'
  const account = { match: /^account show/, stdout: JSON.stringify({ id, name: 'n', tenantId: 't' }) }
  const { context, asked } = await fakeAz(account, {
    match: /^rest/,
    stdout: JSON.stringify({ value: [capability({})] }),
  })
  expect((await readLimits(context, createAzure(context))).most.cpu).toBe(31)
  const url = `https://management.azure.com/subscriptions/${id}/providers/Microsoft.ContainerInstance/locations/eastus/capabilities?api-version=2023-05-01`
  expect(asked()).toContain(
    `az rest --method get --url '${url}' --subscription ${id} --output json --only-show-errors`,
  )
  const silent = await fakeAz(account, {
    match: /^rest/,
    code: 1,
    stderr: 'Max retries exceeded with url: /x (NewConnectionError)',
  })
  expect(await getFailure(readLimits(silent.context, createAzure(silent.context)))).toMatchObject({
    exitCode: 3,
  })
})
