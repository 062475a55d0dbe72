import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { isMain } from '../../lib/cli/defineScript.ts'
import { prepareAzRoot } from '../az.ts'
import { resourceTypes } from '../azure/providers.ts'
import { run } from '../processes.ts'
import { getPrefix, listModels } from './routes.ts'

/*
 * Writes models.jsonl again, with the models that rehearsal/azure/providers and armModels.json name:
 *   bin/node rehearsal/judge/writeModels.ts
 * They come from the SDK in the root of `rehearse --az-from trixie`, which is created if it is missing; only root can.
 */
async function writeModels(): Promise<void> {
  const root = await prepareAzRoot('trixie', console.error)
  const script = readFileSync(path.join(import.meta.dirname, 'models.py'), 'utf8')
  const wanted = listModels(resourceTypes).map((each) => ({ ...each, prefix: getPrefix(each.module) }))
  // Without bytecode: nobody may write to the root.
  const argv = ['chroot', root, '/usr/bin/python3', '-B', '-c', script, JSON.stringify(wanted)]
  const { code, stdout, stderr } = await run(argv)
  if (code !== 0) throw new Error(`The SDK's models cannot be written: ${stderr.trim()}`)
  writeFileSync(path.join(import.meta.dirname, 'models.jsonl'), stdout)
}

if (isMain(import.meta)) await writeModels()
