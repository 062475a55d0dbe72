import { formatScriptLine } from '../config/config.ts'
import { findWeak, strongSecrets } from '../config/strength.ts'
import { type Check, pass, warn } from './check.ts'

/** Only something new is refused for a weak secret: a secret in use is the operator's to replace, at a time of their choice. */
export const secretStrength: Check = {
  id: 'secrets',
  title: 'Strength of secrets',
  tags: ['doctor', 'login'],
  needs: 'az',
  async run({ context: { config, runner } }) {
    const secrets = strongSecrets(config)
    const weak = await findWeak(secrets, runner)
    if (weak.length === 0) return pass(`${secrets.map(({ key }) => key).join(' and ')} are hard to guess`)
    const steps = weak.map(({ next }) => next).join('; ')
    return warn(
      weak.map(({ what }) => what).join('; '),
      `${steps}. Then run ${formatScriptLine('deploy-complete')}; requests may fail until the containers have the new one.`,
    )
  },
}
