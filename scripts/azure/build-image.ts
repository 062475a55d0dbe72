#!/usr/bin/env node

import { loginTask } from '../../lib/azure/account.ts'
import { createAzure } from '../../lib/azure/client.ts'
import { imageTask, registryTask } from '../../lib/azure/image.ts'
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'build-image',
  summary: 'Build the backend image in Azure from the sources, unless it exists',
  needsVps: false,
  tasks(context) {
    const azure = createAzure(context)
    const login = loginTask(context, azure.account)
    const registry = registryTask(context, azure, login)
    // az acr build --image codex-backend:src-HASH
    const image = imageTask(context, azure, { login, registry })
    return [login, registry, image]
  },
})

export default script
if (isMain(import.meta)) await script.start()
