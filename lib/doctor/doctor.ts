import { openArm } from '../azure/arm.ts'
import { createAzure } from '../azure/resources.ts'
import { exitCode } from '../command/errors.ts'
import { type Finding, judgedFailure, worst } from '../command/verdict.ts'
import type { Context } from '../steps/context.ts'
import type { Bench, Category, Check } from './check.ts'
import { checks } from './checks.ts'

export interface Examined extends Finding {
  category: Category
}

/** Looks at everything at once; nothing is changed, and one check that fails stops no other. */
export async function examine(
  context: Context,
  chosen: readonly Category[],
  stop: AbortSignal,
): Promise<Examined[]> {
  const bench: Bench = { context, azure: createAzure(context), arm: openArm(context, stop), now: new Date() }
  return Promise.all(
    checks.filter(({ category }) => chosen.includes(category)).map((check) => examineOne(check, bench)),
  )
}

async function examineOne(check: Check, bench: Bench): Promise<Examined> {
  const { id, title, category, next } = check
  const judged = await check.look(bench).catch(judgedFailure)
  // Nothing stands between us and a program of this machine: one that does not answer is not there.
  if (category === 'tools' && judged.verdict === 'UNKNOWN') judged.verdict = 'CRITICAL'
  // What helps when it is wrong does not help when it could not be looked at.
  const help = judged.verdict === 'UNKNOWN' ? judged.next : (judged.next ?? next)
  const advice = judged.verdict === 'OK' || !help ? {} : { next: help }
  return { id, category, title, verdict: judged.verdict, detail: judged.detail, ...advice }
}

/** 0 all well, 1 something is wrong or will be, 3 something could not be known. */
export function exitCodeOfFindings(findings: readonly Finding[]): number {
  const verdict = worst(findings)
  if (verdict === 'OK') return exitCode.done
  return verdict === 'UNKNOWN' ? exitCode.unknown : exitCode.failed
}
