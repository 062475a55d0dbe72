#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'provision',
  summary: 'Create or update the data tier: registry, PostgreSQL with its tables, Redis',
  needsVps: false,
  tasks(context, _flags, factories) {
    const { createAzure, dataTierTasks, loginTask, migrationTask, preflightTask, secretsTask } = factories
    const azure = createAzure(context)
    const login = loginTask(context, azure.account)
    const secrets = secretsTask(context, [context.config.postgres.password], login)
    // GET …/locations/eastus/capabilities, POST …/checkNameAvailability
    const preflight = preflightTask(context, azure, { login, containers: false })
    // az deployment group create --template-file infra/data-tier.json; each part is then waited for.
    const { tier, parts, database } = dataTierTasks(context, azure, preflight)
    const tables = migrationTask(context, database)
    // ALTER ROLE codexdb_app LOGIN PASSWORD '***'
    const role = factories.applicationRoleTask(context, { azure, after: [], database, tables })
    return [secrets, login, preflight, tier, ...parts, tables, role]
  },
})

export default script
if (isMain(import.meta)) await script.start()
