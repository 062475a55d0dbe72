import { azVersion } from '../../azure/account.ts'
import { oldestAz } from '../../azure/cli.ts'
import { isAtLeast } from '../../util/semver.ts'
import { type Check, fail, pass } from '../check.ts'

export const azureCli: Check = {
  id: 'azure-cli',
  title: 'Azure CLI',
  tags: ['doctor', 'tools'],
  needs: 'nothing',
  advice: `Install Azure CLI ${oldestAz} or newer (az upgrade, or your package manager).`,
  async run({ context }) {
    const version = await azVersion(context)
    return isAtLeast(version, oldestAz) ? pass(version) : fail(`${version}, needed: ${oldestAz}`)
  },
}
