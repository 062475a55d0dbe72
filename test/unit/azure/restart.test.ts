import { expect, test } from 'vitest'
import { explainRestart } from '../../../lib/azure/containers/restart.ts'

test('a restart that does not finish is not a network fault', () => {
  const output =
    "ERROR: HTTPSConnectionPool(host='management.azure.com', port=443): Read timed out. (read timeout=300)"
  expect(explainRestart('codex-worker-2', output)).toMatchObject({
    what: 'Azure accepted the restart of codex-worker-2 but did not finish it within 5 min',
    next: expect.stringContaining('view-logs --only worker'),
    exitCode: 3,
  })
  expect(explainRestart('codex-backend', 'ERROR: Max retries exceeded')).toMatchObject({
    what: 'Azure cannot be reached from here',
  })
})
