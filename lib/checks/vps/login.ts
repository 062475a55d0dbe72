import { formatKeyFile } from '../../config/pasteLine.ts'
import { vps } from '../../vps/remote/vps.ts'
import { type Check, pass } from '../check.ts'

/** ssh with a known host key, and root there. */
export const vpsLogin: Check = {
  id: 'vps-login',
  title: 'Login on the VPS',
  tags: ['doctor', 'login'],
  needs: 'ssh',
  advice: () =>
    `Try by hand: ssh USER@HOST, with IONOS_USER and IONOS_HOST of ${formatKeyFile('IONOS_USER', 'IONOS_HOST')}.`,
  async run({ context }) {
    const { user, host } = context.config.ionos
    await context.runner.run(vps(context.config).sudo`true`)
    return pass(`${user}@${host}${user === 'root' ? '' : ', with sudo'}`)
  },
}
