import type { Command } from '../command/command.ts'
import type { Config } from '../config/config.ts'
import { rootCommand } from './remoteScript.ts'

const write = 'cat > "$1/.$2.new" && mv "$1/.$2.new" "$1/$2"'

/**
 * Writes a file of this tool's own bookkeeping on the VPS: beside its place, and moved there, so that no half one is ever
 * read.
 * @param folder `ours`: it is made when it is missing, and only root reads what is in it; `there`: it must be there
 */
export const recordFile = (
  config: Config,
  folder: { ours: string } | { there: string },
  name: string,
  text: string,
): Command => {
  const [script, place] =
    'ours' in folder ? [`umask 077 && mkdir -p "$1" && ${write}`, folder.ours] : [write, folder.there]
  return rootCommand(config, 'record', ['sh', '-c', script, 'record', place, name], { stdin: text })
}
