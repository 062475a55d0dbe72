#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript<{ inPlace?: boolean }>({
  name: 'update-backend',
  summary: 'Build the backend and release it with no failed request; roll back automatically if it fails',
  options: (parser) =>
    parser.option('--in-place', 'Replace the backend where it runs; requests fail in the meantime'),
  needsVps: true,
  // The tables stay as they are: `provision` applies migrations.
  tasks(context, { inPlace = false }, runbook) {
    const { createAzure, loginTask, containerSecretsTask, registryTask, imageTask, containerTasks } = runbook
    const azure = createAzure(context)
    const login = loginTask(context, azure.account)
    const secrets = containerSecretsTask(context, login)
    const registry = registryTask(context, azure, login)
    const marks = async () => (await runbook.readBadReleases(context)).backend
    // az acr build --image codex-backend:src-HASH
    const image = imageTask(context, azure, { login, registry, marks })
    const nginx = runbook.nginxHttpsTask(context)
    // az container create --file codex-backend-next.json, nginx to it, codex-backend, nginx back, az container delete
    const [backend, worker] = containerTasks(context, azure, {
      ...{ image, nginx, inPlace, needsProxy: true },
      proxy: inPlace ? runbook.nginxUpstream(context) : runbook.verifyingProxy(context, azure),
      ...runbook.automaticRollback(context, azure, inPlace),
    })
    const verify = runbook.verifyBackendTask(context, azure, image, [backend, worker, nginx])
    return {
      tasks: [secrets, login, registry, image, nginx, backend, worker, verify],
      receipt: (outcomes) => runbook.getFact(outcomes, image) ?? {},
    }
  },
})

export default script
if (isMain(import.meta)) await script.start()
