#!/usr/bin/env node
// This path, with its double ending, is fixed: operators call the file by it.
import { isMain } from '../lib/cli/defineScript.ts'
import { defineTaskScript } from '../lib/deploy/defineTaskScript.ts'
import type { Azure, Factories } from '../lib/deploy/taskFactories.ts'
import type { Task, VpsContext } from '../lib/tasks/task.ts'
import { usageError } from '../lib/util/errors.ts'

const script = defineTaskScript<{ skipAzure?: boolean; skipIonos?: boolean; quick?: boolean }>({
  name: 'deploy-complete',
  summary: 'Deploy everything: take both clouds from any state to a working, verified site',
  options: (parser) =>
    parser
      .option('--skip-azure', 'Skip Azure: data tier, image and containers')
      .option('--skip-ionos', 'Skip the VPS: nginx, certificate and pages')
      .option('--quick', 'Use the newest existing image not marked as bad instead of building one'),
  legacyFlags: { '-skipazure': '--skip-azure', '-skipionos': '--skip-ionos', '-quickdeploy': '--quick' },
  check({ skipAzure, skipIonos }) {
    if (skipAzure && skipIonos)
      throw usageError('--skip-azure and --skip-ionos together leave nothing to do', 'Use only one of them.')
  },
  needsVps: ({ skipIonos }) => !skipIonos,
  tasks(context, { skipAzure, skipIonos, quick }, factories) {
    const { createAzure, verifyTask, getFact } = factories
    const azure = createAzure(context)
    const ionos = skipIonos ? undefined : ionosTasks(factories, context, skipAzure ? undefined : azure)
    const azurePart = skipAzure ? undefined : azureTasks(factories, context, azure, ionos?.nginx, quick)
    const tasks = [...(azurePart?.tasks ?? []), ...(ionos?.tasks ?? [])]
    const parts = { azure: azurePart && azure, ionos: !skipIonos, swap: ionos?.swaps[0] }
    const verify = verifyTask(context, { ...parts, after: tasks })
    return {
      tasks: [...tasks, verify],
      receipt: (outcomes) => ({
        ...getFact(outcomes, azurePart?.image),
        // The first server's, which keeps the receipt.
        frontend: getFact(outcomes, ionos?.swaps[0])?.to ?? getFact(outcomes, ionos?.uploads[0])?.live ?? '',
      }),
      summary: () => (ionos ? [`https://${context.config.domain}/`] : []),
    }
  },
})

/** Azure: data tier, tables, image, containers. Without `nginx`, the containers do not wait for the VPS. */
function azureTasks(
  factories: Factories,
  context: VpsContext,
  azure: Azure,
  nginx: readonly Task[] | undefined,
  quick: boolean | undefined,
) {
  const { loginTask, containerSecretsTask, preflightTask, dataTierTasks } = factories
  const { migrationTask, imageTask, containerTasks } = factories
  const login = loginTask(context, azure.account)
  const secrets = containerSecretsTask(context, login)
  // GET …/locations/eastus/capabilities, POST …/checkNameAvailability
  const preflight = preflightTask(context, azure, { login, containers: true })
  // az deployment group create --template-file infra/data-tier.json --no-wait
  const { tier, parts, registry, database } = dataTierTasks(context, azure, preflight)
  // BEGIN; … INSERT INTO schema_migrations …; COMMIT
  const tables = migrationTask(context, database)
  // ALTER ROLE codexdb_app LOGIN PASSWORD '***'
  const role = factories.applicationRoleTask(context, { azure, after: [], database, tables })
  // az acr build --image codex-backend:src-HASH. The marks are stored on the VPS, which a skipped IONOS leaves alone.
  const marks = nginx && (async () => (await factories.readBadReleases(context)).backend)
  const image = imageTask(context, azure, { login, registry, quick, marks })
  // az container create --file codex-backend-next.json, nginx to it, codex-backend, nginx back, az rest --method delete
  const [backend, worker] = containerTasks(context, azure, {
    ...{ image, after: [role, ...parts], nginx },
    ...{ proxy: factories.nginxUpstream(context), needsProxy: nginx !== undefined },
  })
  return { image, tasks: [secrets, login, preflight, tier, ...parts, tables, role, image, backend, worker] }
}

/**
 * IONOS: server, pages, names, certificate, nginx; the names once, everything else on each server. `azure` names the
 * backend's host, unless Azure is skipped.
 */
function ionosTasks(factories: Factories, context: VpsContext, azure: Azure | undefined) {
  const { onEachServer, serverTask, buildTask, uploadTask, switchTask, purgeTasks } = factories
  const { dnsTask, nginxHttpTask, certificateTask, nginxHttpsTask } = factories
  // apt-get install nginx certbot ca-certificates zstd
  const servers = onEachServer(context, (each) => serverTask(each))
  // npm ci, npm run build
  const build = buildTask(context)
  // A tar stream over ssh
  const uploads = onEachServer(context, (each, index) => uploadTask(each, { server: servers[index], build }))
  // nginx -t, systemctl reload nginx
  const nginxHttp = onEachServer(context, (each, index) =>
    nginxHttpTask(each, { server: servers[index], azure }),
  )
  const dns = dnsTask(context, { nginxHttp })
  // certbot certonly --webroot
  const certificates = onEachServer(context, (each, index) =>
    certificateTask(each, { server: servers[index], nginxHttp, dns }),
  )
  const nginxHttps = onEachServer(context, (each, index) => {
    const certificate = certificates[index]
    return nginxHttpsTask(each, { server: servers[index], nginxHttp: nginxHttp[index], certificate, azure })
  })
  // mv -T current.new current
  const swaps = onEachServer(context, (each, index) => switchTask(each, uploads[index]!, uploads))
  const nginx = [...nginxHttp, ...nginxHttps]
  const tasks = [...servers, build, ...uploads, dns, ...certificates, ...nginx, ...swaps]
  return { nginx, uploads, swaps, tasks: [...tasks, ...purgeTasks(context, ...swaps)] }
}

export default script
if (isMain(import.meta)) await script.start()
