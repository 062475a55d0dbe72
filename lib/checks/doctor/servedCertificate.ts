import { inspectServer } from '../../vps/serverState.ts'
import { judgeStored, reloadLine } from '../probes/certificate.ts'
import type { Check } from './check.ts'

/** Renewed on disk while the old one is served is a classic. */
export const servedCertificate: Check = {
  id: 'served-certificate',
  title: 'Certificate that is served',
  category: 'certificate',
  next: reloadLine,
  async look({ context }) {
    const { config, runner } = context
    const url = `https://${config.domain}/`
    const [{ certificate: served }, { certificate }] = await Promise.all([
      runner.request({ method: 'HEAD', url, effect: 'read', timeoutMs: 10_000 }),
      inspectServer(context),
    ])
    return judgeStored(served?.serialNumber, certificate.lineage?.serial)
  },
}
