import { eachServer, formatServer, toServer, type VpsContext } from '../tasks/task.ts'
import type { Check } from './check.ts'

/**
 * Runs the checks of a server on every server: those over ssh, and those with the tag. Those of the first server keep the
 * ids and figures that history contains. With one server, nothing changes.
 */
export const perServer = (context: VpsContext, checks: readonly Check[]): Check[] =>
  checks.flatMap((check) =>
    check.needs === 'ssh' || check.tags.includes('each-server')
      ? eachServer(context).map((each, index) => onServer(check, each, index))
      : [check],
  )

function onServer(check: Check, each: VpsContext, index: number): Check {
  const { server } = each
  const name = formatServer(each)
  if (name === '') return check
  const suffix = index > 0 ? `@${server.address}` : ''
  return {
    ...check,
    id: check.id + suffix,
    title: check.title + name,
    async run(checking) {
      const context = { ...checking.context, server }
      const result = await check.run({ ...checking, context, ...toServer(each) })
      const figures = result.figures?.map((figure) => ({ ...figure, name: figure.name + suffix }))
      return { ...result, ...(figures ? { figures } : {}) }
    },
  }
}
