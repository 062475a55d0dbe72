#!/usr/bin/env node

import { loginTask } from '../../lib/azure/account.ts'
import { createAzure } from '../../lib/azure/client.ts'
import { dataTierTasks } from '../../lib/azure/dataTier.ts'
import { secretsTask } from '../../lib/azure/secrets.ts'
import { isMain } from '../../lib/cli/defineScript.ts'
import { migrationTask } from '../../lib/database/migrations.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'provision',
  summary: 'Create or change the data tier: registry, PostgreSQL with its tables, Redis',
  needsVps: false,
  tasks(context) {
    const azure = createAzure(context)
    const login = loginTask(context, azure.account)
    const secrets = secretsTask(context, [context.config.postgres.password], login)
    // az deployment group create --template-file infra/data-tier.json; each part is then waited for.
    const { tier, registry, database, redis } = dataTierTasks(context, azure, login)
    const tables = migrationTask(context, database)
    return [secrets, login, tier, registry, database, redis, tables]
  },
})

export default script
if (isMain(import.meta)) await script.start()
