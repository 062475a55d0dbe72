import { expect, test } from 'vitest'
import { restartGroup } from '../../lib/azure/restart.ts'
import { display } from '../../lib/command/command.ts'
import { configOf } from '../ionos/configuration.ts'

test('az container restart, of one group', async () => {
  const command = restartGroup(await configOf(), 'codex-worker-2', ['--subscription', 'abc'])
  expect(display(command)).toBe(
    'az container restart --resource-group codexdominion-prod --name codex-worker-2 --subscription abc --output json --only-show-errors',
  )
  expect(command.effect).toBe('change')
})
