#!/usr/bin/env node
import { defineScript, isMain } from '../../lib/cli/defineScript.ts'
import type { RemoveFlags } from '../../lib/deploy/remove.ts'
import { usageError } from '../../lib/util/errors.ts'

const script = defineScript<RemoveFlags>({
  name: 'remove',
  summary: 'Remove everything the deploy created; keep dumps and receipts',
  changes: true,
  options: (parser) =>
    parser
      .option('--confirm <domain>', 'Confirm with the domain instead of typing it when asked')
      .option('--skip-azure', 'Skip Azure')
      .option('--skip-ionos', 'Skip the VPS'),
  async run(run) {
    const { skipAzure, skipIonos, dryRun } = run.flags
    if (skipAzure && skipIonos)
      throw usageError('--skip-azure and --skip-ionos together leave nothing to do', 'Use only one of them.')
    const factories = await import('../../lib/deploy/taskFactories.ts')
    const { readStaying, confirmRemoval, reasonToStay, runTasks } = factories
    const staying = await readStaying(run)
    if (!dryRun) await confirmRemoval(run, staying)
    const stays = reasonToStay(staying)
    return runTasks(run, {
      needsVps: !skipIonos,
      tasks(context) {
        const { createAzure, loginTask, azurePartsTask, onEachServer, removeSiteTask, removeAzureTasks } =
          factories
        const azure = createAzure(context)
        const login = skipAzure ? undefined : loginTask(context, azure.account)
        // All of Azure is inspected before the site is removed: while Azure does not answer, the site is kept.
        const parts = login && azurePartsTask(context, azure, staying, login)
        // The site first, so that no visitor sees the API break: rm -rf of the site, its nginx files and certificate.
        const sites = skipIonos
          ? []
          : onEachServer(context, (each) => removeSiteTask(each, { after: [parts], stays: stays('site') }))
        if (!login || !parts) return sites
        // az rest --method delete, then az resource delete --ids ID for Redis, PostgreSQL and the registry.
        const azureTasks = removeAzureTasks(context, azure, { after: [login, parts, ...sites], stays })
        return [login, parts, ...sites, ...azureTasks]
      },
    })
  },
})

export default script
if (isMain(import.meta)) await script.start()
