import type { Azure } from '../azure/resources.ts'
import type { Context } from '../steps/context.ts'
import { type Check, expect } from './check.ts'
import { readContainers, troubleWith } from './probes/containers.ts'

/** Backend and every worker that the configuration wants: there, running, and not crashing again and again. */
export const containersCheck = (context: Context, azure: Azure): Check => ({
  id: 'containers',
  title: 'Containers',
  async run() {
    const all = await readContainers(context, azure)
    const troubles = all.flatMap((each) => troubleWith(each, Date.now()) ?? [])
    expect(troubles.length === 0, troubles.join('; '))
    return all.map(({ name }) => `${name} Running`).join(', ')
  },
})
