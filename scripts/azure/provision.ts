#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'provision',
  summary: 'Create or update the data tier: registry, PostgreSQL with its tables, Redis',
  needsVps: false,
  tasks(context, _flags, { createAzure, dataTierTasks, loginTask, migrationTask, secretsTask }) {
    const azure = createAzure(context)
    const login = loginTask(context, azure.account)
    const secrets = secretsTask(context, [context.config.postgres.password], login)
    // az deployment group create --template-file infra/data-tier.json; each part is then waited for.
    const { tier, parts, database } = dataTierTasks(context, azure, login)
    const tables = migrationTask(context, database)
    return [secrets, login, tier, ...parts, tables]
  },
})

export default script
if (isMain(import.meta)) await script.start()
