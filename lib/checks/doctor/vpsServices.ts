import { formatScriptLine } from '../../config/pasteLine.ts'
import { surveyOf } from '../../vps/serverState.ts'
import { type Check, fine, wrong } from './check.ts'

export const vpsServices: Check = {
  id: 'vps-services',
  title: 'nginx on the VPS',
  category: 'vps',
  get next() {
    return `${formatScriptLine('setup-server')} && ${formatScriptLine('configure-nginx')}`
  },
  async look({ context }) {
    const { nginx } = await surveyOf(context)
    if (!nginx.version) return wrong('is not installed')
    if (!nginx.active) return wrong(`${nginx.version} does not run`)
    return nginx.enabled
      ? fine(`${nginx.version} runs`)
      : wrong(`${nginx.version} would not start after a reboot`)
  },
}
