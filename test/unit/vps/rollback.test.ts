import { expect, test } from 'vitest'
import { switchBackCommand } from '../../../lib/vps/frontend/switch.ts'
import { loadFileConfig } from '../../support/config.ts'
import { toSite } from '../../support/helpers.ts'

test('a rollback names the release and nothing to remove', async () => {
  const command = switchBackCommand(toSite(await loadFileConfig()), '20261122T100000Z-aaaaaaaa')
  expect(command).toMatchObject({ on: { name: 'vps' }, effect: 'change' })
  expect(command.argv[3]).toBe('switch')
  expect(command.argv.slice(5)).toEqual(['/var/www/codexdominion.app', '20261122T100000Z-aaaaaaaa'])
})
