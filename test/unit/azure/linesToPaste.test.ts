import { afterEach, expect, test } from 'vitest'
import { explainAz } from '../../../lib/azure/errors.ts'
import { noteEnvironment, noteSubscription } from '../../../lib/config/config.ts'

afterEach(() => noteEnvironment(undefined))

test('az login and az logout refuse --subscription, also once az has named it', () => {
  noteSubscription('sub-1')
  expect(explainAz('ERROR: AADSTS700082: The refresh token has expired')?.next).toMatch(/^az login {3}\(/)
  expect(explainAz('ERROR: MFA is required')?.next).toMatch(
    /: az logout, then az login --tenant TENANT_ID \(/,
  )
  expect(
    explainAz("ERROR: The namespace 'Microsoft.Cache' is not registered to use namespace")?.next,
  ).toContain('--wait --subscription sub-1 ')
})
