#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'unlock',
  summary: 'show who holds the deploy lock, and release it',
  changes: true,
  async main(run) {
    const { unlock } = await import('../../lib/deploy/unlock.ts')
    return unlock(run)
  },
})
