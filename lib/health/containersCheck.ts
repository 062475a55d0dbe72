import { groupNames, workerNames } from '../azure/containerGroup.ts'
import { showGroups, troubleOf } from '../azure/groupHealth.ts'
import type { Azure } from '../azure/resources.ts'
import type { Context } from '../steps/context.ts'
import { type Check, expect } from './check.ts'

/** Backend and every worker that the configuration wants: there, running, and not crashing again and again. */
export const containersCheck = (context: Context, azure: Azure): Check => ({
  id: 'containers',
  title: 'Containers',
  async run() {
    const wanted = [groupNames.backend, ...workerNames(context.config)]
    const listed = (await azure.groups()).map(({ name }) => name)
    const there = wanted.filter((name) => listed.includes(name))
    const shown = await showGroups(context, azure, there)
    const troubles = wanted.flatMap((name) => {
      const group = shown.find((each) => each.name === name)
      if (group) return troubleOf(group) ?? []
      return there.includes(name) ? `${name} cannot be asked for its state` : `${name} is absent`
    })
    expect(troubles.length === 0, troubles.join('; '))
    return wanted.map((name) => `${name} Running`).join(', ')
  },
})
