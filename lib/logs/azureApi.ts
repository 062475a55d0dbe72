import type { Arm } from '../azure/arm.ts'
import { groupId, groupsId } from '../azure/client.ts'
import { isOwnGroup } from '../azure/containers/spec.ts'
import type { Config } from '../config/config.ts'

/** A container whose log can be read. */
export interface Logged {
  /** `backend`, `backend-next`, `worker-2`; a second container of a group has its own name behind it. */
  source: string
  group: string
  container: string
}

export const shortName = (group: string): string => group.replace(/^codex-/, '')

const apiVersion = '2023-05-01'

interface Page {
  value: { name: string; properties: { containers: { name: string }[] } }[]
  nextLink?: string
}

/** Every container of our groups; nothing when the resource group is not there. */
export async function loggedContainers(config: Config, arm: Arm): Promise<Logged[]> {
  const path = groupsId(config, await arm.subscription())
  const found: Logged[] = []
  let query: Record<string, string> = { 'api-version': apiVersion }
  for (let more = true; more; ) {
    const page = await arm.get<Page>(path, query)
    for (const { name, properties } of page?.value ?? []) {
      if (!isOwnGroup(name)) continue
      for (const [index, { name: container }] of properties.containers.entries()) {
        const source = index === 0 ? shortName(name) : `${shortName(name)}/${container}`
        found.push({ source, group: name, container })
      }
    }
    more = Boolean(page?.nextLink)
    if (page?.nextLink) query = Object.fromEntries(new URL(page.nextLink).searchParams)
  }
  return found
}

/**
 * What the container has written, each line with the time it was written; undefined when the container is not there.
 * Azure keeps the newest 4 MB. Source: learn.microsoft.com/rest/api/container-instances/containers/list-logs
 *
 * @param tail the last lines only
 */
export async function readLog(
  config: Config,
  arm: Arm,
  { group, container }: Logged,
  tail?: number,
): Promise<string | undefined> {
  const path = `${groupId(config, await arm.subscription(), group)}/containers/${container}/logs`
  const answer = await arm.get<{ content?: string | null }>(path, {
    'api-version': apiVersion,
    timestamps: 'true',
    ...(tail === undefined ? {} : { tail: String(tail) }),
  })
  return answer && (answer.content ?? '')
}
