import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Exchange } from '../../lib/azure/recording/exchange.ts'
import { isMain } from '../../lib/cli/defineScript.ts'
import { resourceTypes } from '../azure/providers.ts'
import { Judge, type Verdict } from './judge.ts'

/*
 * Compares what a run with --record has kept with the models of Microsoft's SDK:
 *   bin/node rehearsal/judge/recording.ts FOLDER
 */

/** The exchanges of a recording, or of all in a folder, in the order of their requests. */
export function readRecording(place: string): Exchange[] {
  const files = statSync(place).isDirectory()
    ? readdirSync(place)
        .filter((name) => name.endsWith('.jsonl'))
        .map((name) => path.join(place, name))
    : [place]
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').trim().split('\n'))
  return lines.map((line) => JSON.parse(line) as Exchange).sort((a, b) => a.at.localeCompare(b.at))
}

/** Compares requests to Azure Resource Manager, and its answers, with the models. */
export function judgeRecording(exchanges: readonly Exchange[]): Verdict {
  const judge = new Judge(resourceTypes)
  for (const { method, url, request, status, answer } of exchanges) {
    const { hostname, pathname } = new URL(url)
    if (hostname !== 'management.azure.com' || status === undefined) continue
    judge.see({ method, path: decodeURI(pathname), request, status, answer })
  }
  return judge.verdict
}

if (isMain(import.meta)) {
  const verdict = judgeRecording(readRecording(process.argv[2] ?? '.'))
  const { requests, answers, wanted, findings } = verdict
  console.log(
    `${requests} requests and ${answers} answers, ${wanted} wanted differences, ${findings.length} others`,
  )
  for (const { side, model, at, what, seenAt, times } of findings)
    console.log(`${side} ${model} ${at}: ${what} (${times}×, first in ${seenAt})`)
  process.exitCode = findings.length > 0 ? 1 : 0
}
