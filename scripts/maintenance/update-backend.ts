#!/usr/bin/env node

import { loginTask } from '../../lib/azure/account.ts'
import { createAzure } from '../../lib/azure/client.ts'
import { containerTasks } from '../../lib/azure/containers/release.ts'
import { imageTask, registryTask } from '../../lib/azure/image.ts'
import { containerSecretsTask } from '../../lib/azure/secrets.ts'
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'
import { automaticRollback, verifyingProxy } from '../../lib/deploy/rollback/automatic.ts'
import { verifyBackendTask } from '../../lib/deploy/verify.ts'
import { getFact } from '../../lib/tasks/engine.ts'
import { readBadReleases } from '../../lib/vps/badReleases.ts'
import { nginxHttpsTask } from '../../lib/vps/nginx/tasks.ts'
import { nginxUpstream } from '../../lib/vps/nginx/upstream.ts'

const script = defineTaskScript<{ inPlace?: boolean }>({
  name: 'update-backend',
  summary: 'Build the backend and release it with no failed request; roll back automatically if it fails',
  options: (parser) =>
    parser.option('--in-place', 'Replace the backend where it runs; requests fail in the meantime'),
  needsVps: true,
  // The tables stay as they are: `provision` applies migrations.
  tasks(context, { inPlace = false }) {
    const azure = createAzure(context)
    const login = loginTask(context, azure.account)
    const secrets = containerSecretsTask(context, login)
    const registry = registryTask(context, azure, login)
    const marks = async () => (await readBadReleases(context)).backend
    // az acr build --image codex-backend:src-HASH
    const image = imageTask(context, azure, { login, registry, marks })
    const nginx = nginxHttpsTask(context)
    // az container create --file codex-backend-next.json, nginx to it, codex-backend, nginx back, az container delete
    const [backend, worker] = containerTasks(context, azure, {
      ...{ image, nginx, inPlace, needsProxy: true },
      proxy: inPlace ? nginxUpstream(context) : verifyingProxy(context, azure),
      ...automaticRollback(context, azure, inPlace),
    })
    const verify = verifyBackendTask(context, azure, image, [backend, worker, nginx])
    return {
      tasks: [secrets, login, registry, image, nginx, backend, worker, verify],
      receipt: (outcomes) => getFact(outcomes, image) ?? {},
    }
  },
})

export default script
if (isMain(import.meta)) await script.start()
