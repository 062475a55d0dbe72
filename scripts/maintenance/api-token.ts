#!/usr/bin/env node
import { defineScript } from '../../lib/cli/defineScript.ts'

await defineScript({
  name: 'api-token',
  summary: 'print the token that the dashboard asks for before it runs a workflow',
  changes: false,
  flags(parser) {
    parser.addHelpText(
      'after',
      '\nThe token is derived from APP_SECRET_KEY. Whoever has it can run workflows: treat it as a password.',
    )
  },
  async main(run) {
    const { printApiToken } = await import('../../lib/deploy/apiToken.ts')
    return printApiToken(run)
  },
})
