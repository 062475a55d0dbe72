import { type DeploymentPlan, resourceBody } from './deploymentPlan.ts'
import { type Bag, sameJson } from './json.ts'
import { findResource, view } from './resources.ts'
import type { World } from './world.ts'

/** What a deployment would do, one entry per resource of the template: Create, Modify or NoChange. */
export function whatIf(world: World, plan: DeploymentPlan): Bag[] {
  return plan.resources.map((planned) => {
    const { id } = planned.address
    const existing = findResource(world, id)
    if (!existing) return { resourceId: id, changeType: 'Create', after: { id } }
    const before = view(world, existing)
    let wanted: Bag
    try {
      wanted = resourceBody(plan.scope, planned)
    } catch {
      // It refers to something that does not exist yet, so its effect is not known yet.
      return {
        resourceId: id,
        changeType: 'Unsupported',
        unsupportedReason: 'A reference cannot be evaluated yet.',
      }
    }
    const same = sameJson(
      { ...existing.wanted, location: undefined },
      { ...wanted, properties: wanted.properties ?? {}, location: undefined },
    )
    return { resourceId: id, changeType: same ? 'NoChange' : 'Modify', before, after: before }
  })
}
