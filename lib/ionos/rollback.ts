import type { Command } from '../command/command.ts'
import type { Config } from '../config/config.ts'
import type { Context } from '../steps/context.ts'
import type { Tell } from '../steps/step.ts'
import { remoteScript } from './remoteScript.ts'
import { siteRoot } from './server.ts'
import { forget } from './survey.ts'

/** Makes a release that lies on the VPS the live one, by one rename. Nothing travels, and none is removed. */
export const switchBackCommand = (config: Config, id: string): Command =>
  remoteScript(config, 'change', 'switch', [siteRoot(config), id])

/** Runs it, and gives the milliseconds that the switch itself took. Caches are told afterwards (purge.ts). */
export async function switchBack(context: Context, id: string, tell: Tell): Promise<number> {
  const { config, runner } = context
  const started = performance.now()
  await runner.run(switchBackCommand(config, id))
  const ms = Math.round(performance.now() - started)
  forget(context)
  tell(`release ${id} is live, switched in ${ms} ms`)
  return ms
}
