import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { vps } from './vps.ts'

const write = 'cat > "$1/.$2.new" && mv "$1/.$2.new" "$1/$2"'
/** Names that begin with their time sort by age. One that cannot be removed now is removed with the next. */
const prune = '{ cd "$1" && LC_ALL=C ls | head -n "-$3" | xargs -r rm -f --; } || :'

/**
 * Writes a file of this tool's own bookkeeping on the VPS: beside its place, and moved there, so that no half one is ever
 * read.
 * @param folder `ours`: it is made when it is missing, and only root reads what is in it; `there`: it must be there
 * @param keep so many files of the folder, the last by name, stay; undefined: all
 */
export const recordFile = (
  config: Config,
  folder: { ours: string } | { there: string },
  name: string,
  text: string,
  keep?: number,
): Command => {
  const [ready, place] =
    'ours' in folder ? ['umask 077 && mkdir -p "$1" && ', folder.ours] : ['', folder.there]
  const [after, args] = keep === undefined ? ['', []] : [` && ${prune}`, [String(keep)]]
  const script = `${ready}${write}${after}`
  return vps(config).sudo.record({ stdin: text })`sh -c ${script} record ${place} ${name} ${args}`
}
