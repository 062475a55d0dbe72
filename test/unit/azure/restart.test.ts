import { expect, test } from 'vitest'
import { explainRestart } from '../../../lib/azure/containers/restart.ts'

test('a restart that does not end is no fault of the network', () => {
  const output =
    "ERROR: HTTPSConnectionPool(host='management.azure.com', port=443): Read timed out. (read timeout=300)"
  expect(explainRestart('codex-worker-2', output)).toMatchObject({
    what: 'Azure took the restart of codex-worker-2 and did not end it within 5 min',
    next: expect.stringContaining('view-logs --only worker'),
    exitCode: 3,
  })
  expect(explainRestart('codex-backend', 'ERROR: Max retries exceeded')).toMatchObject({
    what: 'Azure cannot be reached from here',
  })
})
