import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { Runner } from '../../shell/runner.ts'
import { type Context, differing } from '../../tasks/task.ts'
import { formatCount } from '../../util/format.ts'
import { isObject } from '../../util/shape.ts'
import { parseAnswer } from '../answer.ts'
import { absent, az } from '../cli.ts'
import type { Login } from '../client.ts'
import { type DataTierResource, daysPerMonth, sharedApiVersion } from './resource.ts'

export const registry: DataTierResource = {
  provider: 'Microsoft.ContainerRegistry',
  type: 'registries',
  permissions: [
    'Microsoft.ContainerRegistry/registries/read',
    'Microsoft.ContainerRegistry/registries/write',
    'Microsoft.ContainerRegistry/registries/listCredentials/action',
    'Microsoft.ContainerRegistry/registries/listBuildSourceUploadUrl/action',
    'Microsoft.ContainerRegistry/registries/scheduleRun/action',
    'Microsoft.ContainerRegistry/registries/runs/read',
    'Microsoft.ContainerRegistry/registries/runs/listLogSasUrl/action',
  ],
  title: 'Container registry',
  shared: [
    {
      kind: 'registry',
      keys: ['ACR_NAME'],
      describe: ({ azure }) => `container registry ${azure.registry}`,
      sameWhen: 'the registry has the same name',
      isSame: ({ azure: own }, { azure: its }) => own.registry === its.registry,
    },
  ],
  loss: {
    title: 'Images',
    async describe(config, azure) {
      const { length } = await azure.tags()
      return length === 0 ? undefined : `${formatCount(length, 'image')} in ${config.azure.registry}`
    },
  },
  name: ({ azure }) => azure.registry,
  describe: ({ azure }) => `registry ${azure.registry}`,
  keys: { name: 'ACR_NAME', location: 'AZURE_LOCATION' },
  location: ({ azure }) => azure.location,
  checksName: true,
  apiVersion: '2023-07-01',
  sharedApiVersion,
  path: ({ azure }) => `Microsoft.ContainerRegistry/registries/${azure.registry}`,
  children: [],
  combine: ([found]) => found,
  getParameters: ({ azure }) => ({ location: azure.location, registryName: azure.registry }),
  lastOperation: /^Microsoft\.ContainerRegistry\/registries /i,
  getDrift: (_, { properties: { adminUserEnabled, provisioningState: state = '' } }) =>
    differing(
      // Applying it again is what repairs it; it may hold images, so it is never deleted.
      ['registry state', /^(Failed|Canceled)$/.test(state) ? state : 'Succeeded', 'Succeeded'],
      ['registry admin login', adminUserEnabled, true],
    ),
  getResets: ({ sku }) => differing(['registry size', sku?.name ?? size, size]),
  getPricedParts: () => [
    {
      id: 'registry',
      title: `Container registry ${size}`,
      quantities: [{ meter, quantity: daysPerMonth, formula: `${daysPerMonth.toFixed(1)} days` }],
    },
  ],
}

/** The only size that the template knows. */
const size = 'Basic'
const service = 'Container Registry'
const meter = {
  ...{ service, products: [service], sku: size, meter: `${size} Registry Unit`, unit: '1/Day' },
  bundledPrice: 0.1666,
}

export interface Tag {
  name: string
  digest: string
  createdTime: string
}

export const repository = 'codex-backend'

/** The backend's image with this tag: `registry.azurecr.io/codex-backend:tag`. */
export const getImageName = ({ azure }: Config, tag: string): string =>
  `${azure.registry}.azurecr.io/${repository}:${tag}`

/** Reads the last 100 tags of the backend image, newest first. */
export async function readTags({ config, runner }: Context, subscription: string): Promise<Tag[]> {
  const command = az({ accept: [0, 1, absent] })`
    acr repository show-tags --name ${config.azure.registry} --repository ${repository}
      --detail --orderby time_desc --top 100 --subscription ${subscription}`
  return ((await readRepository(runner, command)) ?? []) as Tag[]
}

/** Reads one tag of the backend image; undefined when it has never been pushed. */
export async function readTag(
  { config, runner }: Context,
  name: string,
  subscription: string,
): Promise<Tag | undefined> {
  const command = az({ accept: [0, 1, absent] })`
    acr repository show --name ${config.azure.registry} --image ${repository}:${name}
      --subscription ${subscription}`
  return (await readRepository(runner, command)) as Tag | undefined
}

/** A tag that has never been pushed is an answer, too: `undefined`. */
async function readRepository(runner: Runner, command: Command): Promise<unknown> {
  const { code, stdout, stderr } = await runner.run(command)
  if (code === 0) return parseAnswer(stdout, isObject)
  if (notPushed.test(stderr)) return undefined
  // Any other failure is an error; the strict run explains it.
  await runner.run({ ...command, accept: [0] })
  return undefined
}

/** The registry's own messages, seen in azure-cli #31569 and with NAME_UNKNOWN. */
const notPushed =
  /specified tag .*does not exist|repository .*(is )?not found|TAG_UNKNOWN|NAME_UNKNOWN|repository name not known/i

/** Reads the name and password that container groups pull the image with; kept out of the transcript. */
export async function readRegistryCredentials(
  { config, runner }: Context,
  login: Login,
): Promise<{ username: string; password: string }> {
  const { id } = await login.account()
  const { stdout } = await runner.runPrivately(
    az({ accept: [0] })`acr credential show --name ${config.azure.registry} --subscription ${id}`,
  )
  const { username, passwords } = JSON.parse(stdout) as { username: string; passwords: { value: string }[] }
  const password = passwords[0]?.value ?? ''
  runner.secrets.add(password)
  return { username, password }
}
