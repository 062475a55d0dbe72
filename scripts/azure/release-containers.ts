#!/usr/bin/env node
import { isMain } from '../../lib/cli/defineScript.ts'
import { defineTaskScript } from '../../lib/deploy/defineTaskScript.ts'

const script = defineTaskScript<{ quick?: boolean }>({
  name: 'release-containers',
  summary: 'Release the image to the backend and the workers with no downtime',
  options: (parser) =>
    parser.option(
      '--quick',
      'Release the newest existing image not marked as bad instead of the image of these sources',
    ),
  needsVps: false,
  tasks(context, { quick }, factories) {
    const { createAzure, loginTask, containerSecretsTask, registryTask, imageTask, containerTasks } =
      factories
    const azure = createAzure(context)
    const login = loginTask(context, azure.account)
    const secrets = containerSecretsTask(context, login)
    const registry = registryTask(context, azure, login)
    const marks = async () => (await factories.readBadReleases(context)).backend
    const image = imageTask(context, azure, { login, registry, quick, existingOnly: true, marks })
    const proxy = factories.nginxUpstream(context)
    // ALTER ROLE codexdb_app LOGIN PASSWORD '***', before the first container that uses it
    const role = factories.applicationRoleTask(context, { azure, after: [secrets, login] })
    // az container create --file codex-backend-next.json, then codex-backend, az rest --method delete, the workers.
    const release = containerTasks(context, azure, { image, after: [role], proxy })
    const route = factories.routeTask(azure, proxy, release)
    return [secrets, login, registry, image, role, ...release, route]
  },
})

export default script
if (isMain(import.meta)) await script.start()
