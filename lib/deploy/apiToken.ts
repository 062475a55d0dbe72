import type { CommonFlags, Run } from '../cli/defineScript.ts'
import { getApiToken } from '../config/secret.ts'
import { exitCode } from '../util/errors.ts'
import { withContext } from './context.ts'

/** Prints the token that the dashboard asks for. Gives the exit code. */
export async function printApiToken(run: Run<CommonFlags>): Promise<number> {
  return withContext(run, 'api-token', false, async ({ config, runner }) => {
    const token = await getApiToken(config, runner)
    run.result(token, { ok: true, token }, { isSecret: true })
    return exitCode.done
  })
}
