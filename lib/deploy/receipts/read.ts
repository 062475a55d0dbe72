import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import type { Context } from '../../tasks/context.ts'
import { type Settled, settleAll } from '../../util/concurrency.ts'
import { getMessage, unknownError } from '../../util/errors.ts'
import { vps } from '../../vps/remote/vps.ts'
import { localFolder, type Receipt, vpsFolder } from './write.ts'

/** This machine's state folder, or the VPS. */
export type Place = 'here' | 'vps'

/** A file in the folder that is not a receipt. */
export interface Damaged {
  place: Place
  name: string
  why: string
}

export interface Receipts {
  receipts: Receipt[]
  damaged: Damaged[]
}

/** A receipt and where it is stored. */
export interface Kept {
  receipt: Receipt
  places: Place[]
  /** The two places differ; the receipt of this machine is shown. */
  differs: boolean
}

export interface History {
  /** Newest first, each id once. */
  kept: Kept[]
  damaged: Damaged[]
  /** Each place as it answered, or why it did not. */
  answers: Readonly<Record<Place, Settled<Receipts>>>
}

/**
 * The newest receipts of both places, merged by id. A place that does not answer hides nothing of the other.
 * @param most how many
 * @param prefix only receipts whose id has this prefix
 */
export async function readHistory(context: Context, most: number, prefix = ''): Promise<History> {
  const answers = await settleAll<Record<Place, Receipts>>({
    here: async () => receiptsHere(context.config, most, prefix),
    vps: async () => {
      const { stdout } = await context.runner.run(receiptsCommand(context.config, most, prefix))
      return readReceipts(stdout, context.config.ionos.host)
    },
  })
  const { here, vps } = answers
  return {
    kept: merged(here.value?.receipts ?? [], vps.value?.receipts ?? []).slice(0, most),
    damaged: [...(here.value?.damaged ?? []), ...(vps.value?.damaged ?? [])],
    answers,
  }
}

export function merged(here: readonly Receipt[], vps: readonly Receipt[]): Kept[] {
  const byId = new Map<string, Kept>(
    here.map((receipt) => [receipt.id, { receipt, places: ['here'], differs: false }]),
  )
  for (const receipt of vps) {
    const known = byId.get(receipt.id)
    if (!known) byId.set(receipt.id, { receipt, places: ['vps'], differs: false })
    else {
      known.places.push('vps')
      known.differs = JSON.stringify(known.receipt) !== JSON.stringify(receipt)
    }
  }
  return [...byId.values()].sort((a, b) => (a.receipt.id < b.receipt.id ? 1 : -1))
}

/** The newest receipts of this machine. Ids start with the time, so the last names are the newest runs. */
export function receiptsHere(config: Config, most: number, prefix: string): Receipts {
  const folder = localFolder(config)
  let names: string[]
  try {
    names = readdirSync(folder)
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return { receipts: [], damaged: [] }
    throw unknownError(`The receipts in ${folder} cannot be read: ${getMessage(thrown)}`)
  }
  const wanted = names
    .filter((name) => name.endsWith('.json') && !name.startsWith('.') && name.startsWith(prefix))
    .sort()
    .slice(-most)
  return sorted(
    wanted.map((name) => {
      try {
        return readReceipt('here', name, readFileSync(path.join(folder, name), 'utf8'))
      } catch (thrown) {
        return { place: 'here', name, why: getMessage(thrown) }
      }
    }),
  )
}

/** Prints a line for each receipt, its name and its content in base64; `end` follows the last. */
export const receiptsCommand = (config: Config, most: number, prefix: string): Command =>
  vps(config).sudo`sh -c ${listScript} receipts ${vpsFolder} ${most} ${prefix}`

const listScript = `export LC_ALL=C
[ -d "$1" ] || { echo end; exit 0; }
cd "$1" || exit 1
for name in "$3"*.json; do [ -f "$name" ] && echo "$name"; done | tail -n "$2" | while IFS= read -r name; do
  printf '%s\\t%s\\n' "$name" "$(base64 < "$name" | tr -d '\\n')"
done
echo end`

/** Parses the output of `receiptsCommand`. Throws (exit 3) when it is incomplete. */
export function readReceipts(output: string, host: string): Receipts {
  const lines = output.split('\n').filter((line) => line !== '')
  if (lines.pop() !== 'end') {
    throw unknownError(`${host} did not show all its receipts`, output.slice(-2000))
  }
  return sorted(
    lines.map((line) => {
      const [name = '', content = ''] = line.split('\t')
      return readReceipt('vps', name, Buffer.from(content, 'base64').toString())
    }),
  )
}

function sorted(read: readonly (Receipt | Damaged)[]): Receipts {
  return {
    receipts: read.filter((each) => !('place' in each)) as Receipt[],
    damaged: read.filter((each) => 'place' in each) as Damaged[],
  }
}

/** One file's receipt, or what is wrong with it. */
function readReceipt(place: Place, name: string, json: string): Receipt | Damaged {
  const damaged = (why: string): Damaged => ({ place, name, why })
  let receipt: Partial<Receipt> | null
  try {
    receipt = JSON.parse(json) as Partial<Receipt> | null
  } catch (thrown) {
    return damaged(json.trim() === '' ? 'it is empty' : getMessage(thrown))
  }
  if (receipt === null || typeof receipt !== 'object') return damaged('it is not a receipt')
  if (`${receipt.id}.json` !== name) return damaged(`it calls itself ${JSON.stringify(receipt.id)}`)
  const wrong = Object.entries(shape).find(([field, fits]) => !fits(receipt[field as keyof Receipt]))
  return wrong
    ? damaged(`its ${wrong[0]} is ${JSON.stringify(receipt[wrong[0] as keyof Receipt])}`)
    : (receipt as Receipt)
}

const text = (value: unknown): boolean => typeof value === 'string'
const list = (value: unknown): boolean => Array.isArray(value)
const objectsWithId = (value: unknown): boolean =>
  Array.isArray(value) && value.every((each) => typeof (each as { id?: unknown } | null)?.id === 'string')

/** The fields that readers of a receipt need. */
const shape: Partial<Record<keyof Receipt, (value: unknown) => boolean>> = {
  line: text,
  by: text,
  started: (value) => text(value) && !Number.isNaN(Date.parse(value as string)),
  seconds: (value) => typeof value === 'number',
  result: (value) => value === 'done' || value === 'failed' || value === 'interrupted',
  revision: text,
  image: text,
  frontend: text,
  changed: objectsWithId,
  unchanged: list,
  hidden: (value) => value === undefined || list(value),
  failed: objectsWithId,
}
