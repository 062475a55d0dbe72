import { formatKeyFile } from '../config/pasteLine.ts'
import type { Context } from '../tasks/context.ts'
import { nothingAhead, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { certificateStep } from './certificate/task.ts'
import { dnsStep } from './dns/task.ts'
import { buildStep } from './frontend/build.ts'
import { switchStep, uploadStep } from './frontend/publish.ts'
import { purgeSteps } from './frontend/purge.ts'
import { nginxHttpStep, nginxHttpsStep } from './nginx/tasks.ts'
import { serverStep } from './packages.ts'

/** The whole face: server, pages, names, nginx, certificate. */
export const ionosSteps = (context: Context): Task[] => [
  serverStep(context),
  buildStep(context),
  uploadStep(context),
  dnsStep(context),
  nginxHttpStep(context),
  certificateStep(context),
  nginxHttpsStep(context),
  switchStep(context),
  ...purgeSteps(context),
]

export const setupServer = (context: Context): Task[] => [serverStep(context)]

export const publishFrontend = (context: Context): Task[] => [
  buildStep(context),
  uploadStep(context),
  switchStep(context),
  ...purgeSteps(context),
]

/** With a certificate there: the whole site; before: what the CA needs to find. */
export const configureNginx = (context: Context): Task[] => [{ ...nginxHttpStep(context), title: 'nginx' }]

/** With nginx around it, so that a new certificate is served at once. */
export const issueCertificate = (context: Context): Task[] => [
  nginxHttpStep(context),
  certificateStep(context),
  nginxHttpsStep(context),
]

export const pointDns = (context: Context): Task[] => [insisting(dnsStep(context))]

/** The step alone is not done while the names point elsewhere; in a deploy the certificate stops there. */
function insisting(step: Task): Task {
  return {
    ...step,
    async apply(difference, tell) {
      await step.apply?.(difference, tell)
      const left = await step.inspect(nothingAhead)
      if (left.state === 'ok') return
      throw new OpsError({
        what: left.state === 'unknown' ? left.why : left.what,
        next: `Set the records at the provider of the domain, or IONOS_DNS_KEY in ${formatKeyFile('IONOS_DNS_KEY')}; then run the same line again.`,
      })
    },
  }
}
