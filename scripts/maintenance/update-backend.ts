#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript<{ inPlace?: boolean }>({
  name: 'update-backend',
  summary: 'Build the backend and release it with no failed requests; roll back automatically if it fails',
  options: (parser) =>
    parser.option('--in-place', 'Replace the running backend in place; requests fail in the meantime'),
  needsVps: true,
  // The tables stay unchanged: only `provision` applies migrations.
  tasks(context, { inPlace = false }, factories) {
    const { createAzure, loginTask, containerSecretsTask, registryTask, imageTask, containerTasks } =
      factories
    const azure = createAzure(context)
    const login = loginTask(context, azure.account)
    const secrets = containerSecretsTask(context, login)
    const registry = registryTask(context, azure, login)
    const marks = async () => (await factories.readBadReleases(context)).backend
    // az acr build --image codex-backend:src-HASH
    const image = imageTask(context, azure, { login, registry, marks })
    // ALTER ROLE codexdb_app LOGIN PASSWORD '***', before the first container that uses it
    const role = factories.applicationRoleTask(context, { azure, after: [image] })
    const nginx = factories.onEachServer(context, (each) => factories.nginxHttpsTask(each, { azure }))
    // az container create --file codex-backend-next.json, nginx to it, codex-backend, nginx back, az rest --method delete
    const [backend, worker] = containerTasks(context, azure, {
      ...{ image, after: [role], nginx, inPlace, needsProxy: true },
      proxy: inPlace ? factories.nginxUpstream(context) : factories.verifyingProxy(context, azure),
      ...factories.automaticRollback(context, azure, inPlace),
    })
    const verify = factories.verifyBackendTask(context, azure, image, [backend, worker, ...nginx])
    return {
      tasks: [secrets, login, registry, image, role, ...nginx, backend, worker, verify],
      receipt: (outcomes) => factories.getFact(outcomes, image) ?? {},
    }
  },
})

export default script
if (isMain(import.meta)) await script.start()
