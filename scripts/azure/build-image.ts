#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript({
  name: 'build-image',
  summary: 'Build the backend image in Azure from the sources, unless it exists',
  needsVps: false,
  tasks(context, _flags, { createAzure, imageTask, loginTask, registryTask }) {
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
