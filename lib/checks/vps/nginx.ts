import { formatScriptLine } from '../../config/pasteLine.ts'
import { inspectServer } from '../../vps/serverState.ts'
import { type Check, fail, pass } from '../check.ts'

export const vpsServices: Check = {
  id: 'vps-services',
  title: 'nginx on the VPS',
  tags: ['doctor', 'vps'],
  needs: 'ssh',
  advice: () => `${formatScriptLine('setup-server')} && ${formatScriptLine('configure-nginx')}`,
  async run({ context }) {
    const { nginx } = await inspectServer(context)
    if (!nginx.version) return fail('is not installed')
    if (!nginx.active) return fail(`${nginx.version} does not run`)
    return nginx.enabled
      ? pass(`${nginx.version} runs`)
      : fail(`${nginx.version} would not start after a reboot`)
  },
}
