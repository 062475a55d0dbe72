import { formatAzLine } from '../../config/pasteLine.ts'
import { exitCode, OpsError } from '../../util/errors.ts'
import { type Check, fail, pass } from '../check.ts'

export const azureLogin: Check = {
  id: 'azure-login',
  title: 'Azure login',
  tags: ['doctor', 'login'],
  needs: 'az',
  advice: 'az login',
  async run({ azure }) {
    try {
      const { user, name } = await azure.account()
      return pass(`${user}, subscription ${name}`)
    } catch (thrown) {
      // Nothing else that asks Azure can know then; this is where it is known to be wrong.
      if (thrown instanceof OpsError && thrown.exitCode === exitCode.notLoggedIn)
        return fail(thrown.message, formatAzLine('az login'))
      throw thrown
    }
  },
}
