import { expect, test } from 'vitest'
import { requireOneServer } from '../../../rehearsal/login.ts'
import { loadTestConfig } from '../../support/helpers.ts'

test('a rehearsal with the address of a second server is refused', async () => {
  const { servers } = await loadTestConfig()
  expect(() => requireOneServer({ servers })).not.toThrow()
  const second = { ...servers[0], name: 'vps2', label: 'vps2' }
  expect(() => requireOneServer({ servers: [...servers, second] })).toThrow('also names vps2')
})
