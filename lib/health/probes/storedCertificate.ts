import { surveyOf } from '../../ionos/survey.ts'
import type { Context } from '../../steps/context.ts'
import type { Probe } from '../probe.ts'
import { judgeStored } from './certificate.ts'
import { coreProbe } from './core.ts'
import { get } from './http.ts'

/** Is what lies on the VPS what visitors are shown? */
export const storedCertificateProbe = (context: Context): Probe => ({
  ...coreProbe,
  id: 'stored-certificate',
  title: 'Stored certificate is served',
  async ask(signal) {
    const [served, survey] = await Promise.all([
      get(context, `https://${context.config.domain}/`, signal, { method: 'HEAD' }),
      surveyOf(context),
    ])
    return judgeStored(served.certificate?.serialNumber, survey.certificate.lineage?.serial)
  },
})
