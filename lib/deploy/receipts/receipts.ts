import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Config, Server } from '../../config/config.ts'
import type { Command } from '../../shell/command.ts'
import { criticalPath, getDuration, type Outcome } from '../../tasks/engine.ts'
import type { VpsContext } from '../../tasks/task.ts'
import { type Settled, settleAll } from '../../util/concurrency.ts'
import { getMessage, unknownError } from '../../util/errors.ts'
import { keepNewest, makeFolder } from '../../util/files.ts'
import { type Fits, hasFields, isListOf, isNumber, isOptional, isText } from '../../util/shape.ts'
import { escapeJsonControls } from '../../util/terminal.ts'
import { recordFile, vps } from '../../vps/remote/vps.ts'
import { whoami } from '../context.ts'

/** What one deploy did. It is only a record. */
export interface Receipt {
  id: string
  line: string
  by: string
  started: string
  seconds: number
  result: 'done' | 'failed' | 'interrupted'
  /** git revision of the folder deployed from, with `+` when files differ from it; '' outside a git checkout. */
  revision: string
  image: string
  digest: string
  frontend: string
  changed: { id: string; title: string; what: string; fields: object[]; seconds: number }[]
  unchanged: string[]
  /** Tasks whose checks saw only the maintenance page. Older receipts lack the field. */
  hidden?: string[]
  /** `changing` means that it failed during a change. Older receipts lack the field. */
  failed: { id: string; error: string; changing?: true }[]
  longestChain: { seconds: number; ids: string[] }
  commands: { read: number; change: number; record: number }
}

/** What is live at the end of a run, as far as is known. */
export interface ReceiptFacts {
  image?: string | undefined
  digest?: string
  frontend?: string
}

/** Receipts kept in each place, and read to find verified releases. */
export const receiptsKept = 200

/** Stores the receipt of a run here and, with `toVps`, on the VPS; removes the oldest beyond `receiptsKept`. */
export async function writeReceipt(
  { config, runner, server }: VpsContext,
  outcomes: readonly Outcome[],
  run: { id: string; line: string; startedAt: number; interrupted: boolean; revision: string },
  about: ReceiptFacts,
  toVps: boolean,
): Promise<Receipt> {
  const chain = criticalPath(outcomes)
  const failed = outcomes.filter(({ state }) => state === 'failed')
  const ending = run.interrupted ? 'interrupted' : 'done'
  const receipt: Receipt = {
    id: run.id,
    line: run.line,
    by: whoami(),
    started: new Date(run.startedAt).toISOString(),
    seconds: Math.round((Date.now() - run.startedAt) / 100) / 10,
    result: failed.length > 0 ? 'failed' : ending,
    revision: run.revision,
    image: about.image ?? '',
    digest: about.digest ?? '',
    frontend: about.frontend ?? '',
    changed: outcomes.flatMap((outcome) => {
      const { task, difference, state } = outcome
      if (!difference || !('what' in difference) || state === 'failed') return []
      const { what, fields = [] } = difference
      return [{ id: task.id, title: task.title, what, fields, seconds: getDuration(outcome) / 1000 }]
    }),
    unchanged: outcomes.filter(({ state }) => state === 'ok').map(({ task }) => task.id),
    hidden: outcomes
      .filter(({ difference }) => difference?.state === 'ok' && difference.maskedByMaintenance)
      .map(({ task }) => task.id),
    failed: failed.map(({ task, error, changing }) => ({
      id: task.id,
      error: (error as Error).message,
      ...(changing ? { changing } : {}),
    })),
    longestChain: { seconds: chain.ms / 1000, ids: chain.ids },
    commands: { ...runner.count },
  }
  const text = escapeJsonControls(runner.secrets.clean(`${JSON.stringify(receipt, null, 2)}\n`))
  const folder = localFolder(config)
  makeFolder(folder, 0o700)
  writeFileSync(path.join(folder, `${run.id}.json`), text, { mode: 0o600 })
  keepNewest(folder, '.json', receiptsKept)
  if (toVps) await runner.run(recordFile(server, { ours: vpsFolder }, `${run.id}.json`, text, receiptsKept))
  return receipt
}

/** Where the VPS stores the receipts of all operators. */
export const vpsFolder = '/var/lib/codex-dominion/receipts'

export const localFolder = (config: Config): string => path.join(config.stateDir, 'receipts')

/** This machine's state folder, or the VPS. */
export type Place = 'here' | 'vps'

export interface Damaged {
  place: Place
  name: string
  why: string
}

export interface Receipts {
  receipts: Receipt[]
  damaged: Damaged[]
}

export interface Kept {
  receipt: Receipt
  places: Place[]
  /** The receipts of the two places differ; this machine's is shown. */
  differs: boolean
}

export interface ReceiptList {
  /** Newest first, each id once. */
  kept: Kept[]
  damaged: Damaged[]
  /** The answer of each place, or why it did not answer. */
  answers: Readonly<Record<Place, Settled<Receipts>>>
}

/**
 * The newest `most` receipts of both places whose ids begin with `prefix`. If one place does not answer, those of the other
 * are still returned.
 */
export async function readKeptReceipts(context: VpsContext, most: number, prefix = ''): Promise<ReceiptList> {
  const answers = await settleAll<Record<Place, Receipts>>({
    here: async () => receiptsHere(context.config, most, prefix),
    vps: async () => {
      const { stdout } = await context.runner.run(receiptsCommand(context.server, most, prefix))
      return readReceipts(stdout, context.server.address)
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

/** Prints one line per receipt with its name and its content in base64, then `end`. */
export const receiptsCommand = (server: Server, most: number, prefix: string): Command =>
  vps(server).sudo`sh -c ${listScript} receipts ${vpsFolder} ${most} ${prefix}`

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
    throw unknownError(`${host} did not return all its receipts`, output.slice(-2000))
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

/** The receipt in one file, or what is wrong with it. */
function readReceipt(place: Place, name: string, json: string): Receipt | Damaged {
  const damaged = (why: string): Damaged => ({ place, name, why })
  let receipt: Partial<Receipt> | null
  try {
    receipt = JSON.parse(json) as Partial<Receipt> | null
  } catch (thrown) {
    return damaged(json.trim() === '' ? 'it is empty' : getMessage(thrown))
  }
  if (receipt === null || typeof receipt !== 'object') return damaged('it is not a receipt')
  if (`${receipt.id}.json` !== name) return damaged(`its id is ${JSON.stringify(receipt.id)}`)
  const wrong = Object.entries(shape).find(([field, fits]) => !fits(receipt[field as keyof Receipt]))
  return wrong
    ? damaged(`its ${wrong[0]} is ${JSON.stringify(receipt[wrong[0] as keyof Receipt])}`)
    : (receipt as Receipt)
}

/** The fields that readers of a receipt need. */
const shape: Partial<Record<keyof Receipt, Fits>> = {
  line: isText,
  by: isText,
  started: (value) => isText(value) && !Number.isNaN(Date.parse(value as string)),
  seconds: isNumber,
  result: (value) => value === 'done' || value === 'failed' || value === 'interrupted',
  revision: isText,
  image: isText,
  digest: isOptional(isText),
  frontend: isText,
  changed: isListOf(
    hasFields({
      id: isText,
      title: isText,
      what: isText,
      fields: isOptional(isListOf(hasFields({ name: isText }))),
      seconds: isNumber,
    }),
  ),
  unchanged: isListOf(isText),
  hidden: isOptional(isListOf(isText)),
  failed: isListOf(hasFields({ id: isText, error: isText })),
  longestChain: isOptional(hasFields({ seconds: isNumber, ids: isListOf(isText) })),
  commands: isOptional(hasFields({ read: isNumber, change: isNumber, record: isNumber })),
}
