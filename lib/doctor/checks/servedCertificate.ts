import { surveyOf } from '../../ionos/survey.ts'
import { type Check, fine, wrong } from '../check.ts'

/** Renewed on disk while the old one is served is a classic. */
export const servedCertificate: Check = {
  id: 'served-certificate',
  title: 'Certificate that is served',
  category: 'certificate',
  next: 'On the VPS: systemctl reload nginx',
  async look({ context }) {
    const { config, runner } = context
    const url = `https://${config.domain}/`
    const [{ certificate: served }, { certificate }] = await Promise.all([
      runner.request({ method: 'HEAD', url, effect: 'read', timeoutMs: 10_000 }),
      surveyOf(context),
    ])
    if (!served) return wrong('nginx showed none')
    if (!certificate.lineage) return wrong('one is served, but none is stored where certbot keeps it')
    const same = served.serialNumber.toUpperCase() === certificate.lineage.serial.toUpperCase()
    return same
      ? fine('is the stored one')
      : wrong('is not the stored one: nginx was not reloaded since it was renewed')
  },
}
