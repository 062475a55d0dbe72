import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../../config/config.ts'
import type { Context } from '../../tasks/context.ts'
import { criticalPath, getDuration, type Outcome } from '../../tasks/engine.ts'
import { keepNewest, makeFolder } from '../../util/files.ts'
import { escapeJsonControls } from '../../util/terminal.ts'
import { recordFile } from '../../vps/remote/script.ts'
import { whoami } from '../context.ts'

/** What one deploy did. Only a record. */
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
  /** `changing`: it failed during a change. Older receipts lack the field. */
  failed: { id: string; error: string; changing?: true }[]
  longestChain: { seconds: number; ids: string[] }
  commands: { read: number; change: number; record: number }
}

/** What is live at the end of a run, as far as known. */
export interface ReceiptFacts {
  image?: string | undefined
  digest?: string
  frontend?: string
}

/** Receipts kept in each place, and read to find verified releases. */
export const receiptsKept = 200

/** Stores the receipt of a run here and, with `toVps`, on the VPS; removes the oldest beyond `receiptsKept`. */
export async function writeReceipt(
  { config, runner }: Context,
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
  if (toVps) await runner.run(recordFile(config, { ours: vpsFolder }, `${run.id}.json`, text, receiptsKept))
  return receipt
}

/** Where the VPS stores the receipts of all operators. */
export const vpsFolder = '/var/lib/codex-dominion/receipts'

/** Where this machine stores its own receipts. */
export const localFolder = (config: Config): string => path.join(config.stateDir, 'receipts')
