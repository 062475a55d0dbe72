import type { Address } from './types.ts'
import type { World } from './world.ts'

/**
 * The types whose names stay reserved after a deletion, in lower case. PostgreSQL: days, also in the same subscription
 * (MicrosoftDocs/azure-docs#115432, hashicorp/terraform-provider-azurerm#16622). Classic Redis: a while
 * (Azure/azure-service-operator#852). The name of a registry is reserved for its tenant, which may use it again at once
 * (Microsoft's notice "Name Reservation on Azure Container Registry"); there is one tenant here.
 */
const holding = ['microsoft.dbforpostgresql/flexibleservers', 'microsoft.cache/redis']

const key = ({ type, name }: Pick<Address, 'type' | 'name'>): string => `${type}/${name}`.toLowerCase()

/** Called when a resource has been deleted. */
export function holdName(world: World, resource: Pick<Address, 'type' | 'name'>): void {
  if (holding.includes(resource.type.toLowerCase())) world.heldNames.add(key(resource))
}

/** Whether a name, which is a host name in all of Azure, belongs to another resource or still to a deleted one. */
export function isTaken(world: World, address: Address): boolean {
  const others = [...world.resources.values()].filter(
    ({ id }) => id.toLowerCase() !== address.id.toLowerCase(),
  )
  return world.heldNames.has(key(address)) || others.some((other) => key(other) === key(address))
}
