import { randomUUID } from 'node:crypto'
import { deploymentBody } from './deploymentBody.ts'
import { type DeploymentPlan, type PlannedResource, planDeployment } from './deploymentPlan.ts'
import { ArmError, errorBody, refuse, unknownRoute } from './errors.ts'
import { type Call, listed, ok, type Reply } from './http.ts'
import type { Bag } from './json.ts'
import { operationHeaders, startOperation } from './operations.ts'
import { getGroup, putResource } from './resources.ts'
import type { World } from './world.ts'

const getKey = (group: string, name: string): string => `${group}/${name}`.toLowerCase()

function shell(world: World, group: string, name: string, properties: Bag): Bag {
  return {
    id: `/subscriptions/${world.subscription.id}/resourceGroups/${group}/providers/Microsoft.Resources/deployments/${name}`,
    name,
    type: 'Microsoft.Resources/deployments',
    properties,
  }
}

const duration = (since: number): string => `PT${((Date.now() - since) / 1000).toFixed(3)}S`

/**
 * Puts one resource and waits until it is done; an error contains the name of the resource, as ARM's details
 * do.
 */
async function deployOne(
  world: World,
  { address, body, apiVersion }: PlannedResource,
  deployment: Bag,
): Promise<void> {
  const startedAt = Date.now()
  const { id, type: resourceType, name: resourceName } = address
  const timestamp = new Date().toISOString()
  const step: Bag = {
    provisioningState: 'Running',
    targetResource: { id, resourceType, resourceName },
    timestamp,
  }
  deployment.steps.push(step)
  try {
    world.judge.seeResource(id, body)
    const put = putResource(world, address, body, apiVersion)
    await put.operation.done
    if (put.operation.error) throw new ArmError(409, put.operation.error.code, put.operation.error.message)
    step.provisioningState = 'Succeeded'
  } catch (error) {
    step.provisioningState = 'Failed'
    step.statusMessage = { error: errorBody(error) }
    throw error
  } finally {
    step.duration = duration(startedAt)
  }
}

/** Deploys each resource as soon as its dependencies exist; starts nothing after a failure. */
async function deployAll(world: World, plan: DeploymentPlan, deployment: Bag): Promise<void> {
  const ended = new Map<string, Promise<boolean>>()
  const errors: Bag[] = []
  const start = (planned: PlannedResource): Promise<boolean> => {
    const { id } = planned.address
    const before = plan.resources.filter(({ address }) => planned.after.includes(address.id.toLowerCase()))
    const work = async () => {
      if (!(await Promise.all(before.map(start))).every(Boolean)) return false
      try {
        await deployOne(world, planned, deployment)
        return true
      } catch (error) {
        errors.push({ ...errorBody(error), target: id })
        return false
      }
    }
    const running = ended.get(id) ?? work()
    ended.set(id, running)
    return running
  }
  await Promise.all(plan.resources.map(start))
  if (errors.length > 0) throw refuse('deploymentFailed', {}, errors)
}

function createDeployment(world: World, call: Call, groupName: string, name: string, version: string): Reply {
  const group = getGroup(world, groupName)
  const key = getKey(groupName, name)
  const running = world.deployments.get(key)
  if (running?.properties.provisioningState === 'Running')
    throw refuse('deploymentActive', {
      name,
      since: running.properties.timestamp,
      until: new Date(Date.parse(running.properties.timestamp) + 604_800_000).toISOString(),
    })
  const plan = planDeployment(world, group, deploymentBody(call))
  const { parameters } = plan
  const startedAt = Date.now()
  const shown: Bag = {
    ...{ provisioningState: 'Running', mode: 'Incremental', parameters, correlationId: randomUUID() },
    ...{ timestamp: new Date().toISOString(), duration: 'PT0S' },
    ...{ dependencies: [], outputs: null, outputResources: [] },
  }
  const deployment = { ...shell(world, group.name, name, shown), steps: [] as Bag[] }
  world.deployments.set(key, deployment)
  const operation = startOperation(
    world,
    async () => {
      try {
        await deployAll(world, plan, deployment)
        shown.outputs = {}
        shown.outputResources = plan.resources.map(({ address }) => ({ id: address.id }))
        shown.provisioningState = 'Succeeded'
      } catch (error) {
        shown.provisioningState = 'Failed'
        shown.error = errorBody(error)
        throw error
      } finally {
        shown.duration = duration(startedAt)
      }
    },
    () => view(deployment),
  )
  return { status: 201, headers: operationHeaders(world, operation, version), body: view(deployment) }
}

const view = ({ steps: _steps, ...rest }: Bag): Bag => rest

function found(world: World, group: string, name: string): Bag {
  getGroup(world, group)
  const deployment = world.deployments.get(getKey(group, name))
  if (deployment) return deployment
  throw refuse('deploymentNotFound', { name })
}

/** `…/providers/Microsoft.Resources/deployments[/NAME[/validate|operations]]`. */
export function deploymentsRoute(
  world: World,
  call: Call,
  group: string,
  rest: string[],
  version: string,
): Reply {
  const [name, what] = [rest[0], rest[1]?.toLowerCase()]
  if (!name) {
    const prefix = `${getGroup(world, group).name.toLowerCase()}/`
    const value = [...world.deployments]
      .filter(([key]) => key.startsWith(prefix))
      .map(([, each]) => view(each))
    return listed(value)
  }
  if (!/^[-\w._()]{1,64}$/.test(name)) throw refuse('deploymentName', { name })
  if (call.method === 'POST' && what === 'validate') {
    const { resources, parameters } = planDeployment(world, getGroup(world, group), deploymentBody(call))
    const validatedResources = resources.map(({ address }) => ({ id: address.id }))
    const shown = { provisioningState: 'Succeeded', mode: 'Incremental', parameters, validatedResources }
    return ok(shell(world, group, name, { ...shown, timestamp: new Date().toISOString() }))
  }
  if (call.method === 'PUT' && !what) return createDeployment(world, call, group, name, version)
  if (call.method === 'HEAD' && !what)
    return { status: world.deployments.has(getKey(group, name)) ? 204 : 404 }
  const deployment = found(world, group, name)
  if (call.method === 'GET' && !what) return ok(view(deployment))
  if (call.method === 'GET' && what === 'operations') {
    const value = (deployment.steps as Bag[]).map((properties, index) => ({
      id: `${deployment.id}/operations/${index}`,
      operationId: String(index),
      properties,
    }))
    return listed(value)
  }
  if (call.method === 'DELETE' && !what) {
    if (deployment.properties.provisioningState === 'Running') throw refuse('deploymentRunning', { name })
    world.deployments.delete(getKey(group, name))
    return { status: 204 }
  }
  throw unknownRoute(call)
}
