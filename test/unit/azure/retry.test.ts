import { expect, test } from 'vitest'
import { az } from '../../../lib/azure/cli.ts'
import { buildCommand } from '../../../lib/azure/image.ts'
import { loadTestConfig } from '../../support/helpers.ts'

const retried = (output: string) => az.change`x`.retry!.when.test(output)

test.each([
  'ERROR: (OperationNotAllowed) The container group is still transitioning, please retry later.',
  'ERROR: (TooManyRequests) The request is being throttled.',
  'ERROR: (RequestConflict) Another operation is in progress',
  'ERROR: (AnotherOperationInProgress) x',
  "ERROR: (ServerIsBusy) Cannot complete operation while server 'x' is busy processing another operation. Try again later.",
  '429 Client Error: Too Many Requests for url: https://management.azure.com/',
  "ERROR: Operation returned an invalid status 'Too Many Requests'",
])('a busy Azure is retried: %s', (output) => {
  expect(retried(output)).toBe(true)
})

test.each([
  "ERROR: (AuthorizationFailed) The client '429f' does not have authorization",
  'WARNING: Sending context (429.000 Bytes) to registry: codexacr1...',
  'Downloading psycopg-3.2.whl (429 kB)',
])('other messages are not: %s', (output) => {
  expect(retried(output)).toBe(false)
})

test('a failed build is not repeated, whatever its log says', async () => {
  const { retry } = buildCommand(await loadTestConfig(), 'src-1', 's')
  for (const log of [
    'toomanyrequests: You have reached your unauthenticated pull rate limit.',
    'ERROR: HTTP error 429 Too Many Requests while getting a wheel',
    'Downloading psycopg-3.2.whl (429 kB)\nERROR: No matching distribution found for nonsense==1',
  ]) {
    expect(retry?.when.test(log) ?? false, log).toBe(false)
  }
})
