import { readdirSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { findZone, saveZone } from '../../../lib/vps/dns/ionosApi.ts'
import { loadTestConfig, openRunner } from '../../support/helpers.ts'

test.each(['../../../outside', '/tmp/outside', 'a\0b', ''])(
  'a zone that the DNS API calls %j is saved under its part of DOMAIN',
  async (name) => {
    const config = await loadTestConfig('DOMAIN=shop.site.test', 'IONOS_DNS_KEY=prefix.secret')
    const answers = [[{ id: '1', name: 'site.test' }], { id: '1', name, records: [] }]
    const runner = {
      ...openRunner(),
      request: async () => ({
        ...{ status: 200, headers: {}, body: JSON.stringify(answers.shift()) },
        phases: { total: 1 },
      }),
    }
    const file = saveZone(config, await findZone({ config, runner }))
    expect(path.dirname(file)).toBe(path.join(config.stateDir, 'dns'))
    expect(readdirSync(path.dirname(file))).toEqual([expect.stringMatching(/^site\.test-2.*\.json$/)])
  },
)
