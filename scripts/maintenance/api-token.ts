#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import { withContext } from '../../lib/deploy/context.ts'
import { exitCode } from '../../lib/util/errors.ts'

const script = defineScript({
  name: 'api-token',
  summary: 'Print the token that the dashboard requires to run a workflow',
  changes: false,
  options: (parser) =>
    parser.addHelpText(
      'after',
      '\nThe token is derived from APP_SECRET_KEY. Anyone who has it can run workflows, so treat it as a password.',
    ),
  // No command runs, unless the key is a reference: op read, or az keyvault secret show.
  run: (run) =>
    withContext(run, 'api-token', false, async ({ config, runner }) => {
      // Imported here because it loads node:crypto, which `--help` does not need.
      const { getApiToken } = await import('../../lib/config/secret.ts')
      const token = await getApiToken(config, runner)
      run.result(token, { ok: true, token }, { isSecret: true })
      return exitCode.done
    }),
})

export default script
if (isMain(import.meta)) await script.start()
