import { formatKeyFile } from '../config/pasteLine.ts'
import type { Context } from '../tasks/context.ts'
import { nothingAhead, type Task } from '../tasks/task.ts'
import { OpsError } from '../util/errors.ts'
import { certificateTask } from './certificate/task.ts'
import { dnsTask } from './dns/task.ts'
import { buildTask } from './frontend/build.ts'
import { switchTask, uploadTask } from './frontend/publish.ts'
import { purgeTasks } from './frontend/purge.ts'
import { nginxHttpsTask, nginxHttpTask } from './nginx/tasks.ts'
import { serverTask } from './packages.ts'

/** The whole face: server, pages, names, nginx, certificate. */
export const ionosTasks = (context: Context): Task[] => [
  serverTask(context),
  buildTask(context),
  uploadTask(context),
  dnsTask(context),
  nginxHttpTask(context),
  certificateTask(context),
  nginxHttpsTask(context),
  switchTask(context),
  ...purgeTasks(context),
]

export const setupServer = (context: Context): Task[] => [serverTask(context)]

export const publishFrontend = (context: Context): Task[] => [
  buildTask(context),
  uploadTask(context),
  switchTask(context),
  ...purgeTasks(context),
]

/** With a certificate there: the whole site; before: what the CA needs to find. */
export const configureNginx = (context: Context): Task[] => [{ ...nginxHttpTask(context), title: 'nginx' }]

/** With nginx around it, so that a new certificate is served at once. */
export const issueCertificate = (context: Context): Task[] => [
  nginxHttpTask(context),
  certificateTask(context),
  nginxHttpsTask(context),
]

export const pointDns = (context: Context): Task[] => [insisting(dnsTask(context))]

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
