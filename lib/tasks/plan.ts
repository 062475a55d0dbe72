import { display } from '../shell/command.ts'
import type { Redactor } from '../shell/redactor.ts'
import { colours } from '../util/colours.ts'
import { exitCode } from '../util/errors.ts'
import type { Outcome } from './engine.ts'
import type { Difference } from './task.ts'

const chalk = colours()

const marks = {
  ok: chalk.green('✔ ok         '),
  create: chalk.green('+ create     '),
  change: chalk.yellow('~ change     '),
  unknown: chalk.magenta('? unknown    '),
  failed: chalk.red('✖ failed     '),
  skipped: chalk.dim('- not reached'),
}

interface PlanRun {
  flags: { detailedExitcode?: boolean }
  result(text: string, data: object): void
}

/** Prints the plan of a dry run and adds `about` to its data. Returns the exit code. */
export function printPlan(
  run: PlanRun,
  outcomes: readonly Outcome[],
  secrets: Redactor,
  about: object = {},
): number {
  const count = (...states: Outcome['state'][]) =>
    outcomes.filter(({ state }) => states.includes(state)).length
  const [changes, unknown] = [count('create', 'change'), count('unknown')]
  const steps = planData(outcomes)
  const data = { ok: count('failed') === 0, dryRun: true, ...about, changes, unknown, steps }
  run.result(planText(outcomes, secrets), data)
  if (!run.flags.detailedExitcode) return exitCode.done
  if (changes > 0) return 2
  return unknown > 0 ? exitCode.unknown : exitCode.done
}

/** The plan as text: every task, what differs, and the commands that would run. */
export function planText(outcomes: readonly Outcome[], secrets: Redactor): string {
  const lines = outcomes.flatMap((outcome) => [
    `${marks[outcome.state]} ${outcome.task.title}${remark(outcome)}`,
    ...details(outcome.difference).map((line) => `    ${line}`),
  ])
  return secrets.clean([...lines, '', formatSummary(outcomes)].join('\n'))
}

function remark({ difference, error, state }: Outcome): string {
  if (state === 'failed') return `: ${(error as Error).message}`
  if (!difference) return ''
  if (difference.state === 'ok') return chalk.dim(` (${difference.reason})`)
  return `: ${difference.state === 'unknown' ? difference.why : difference.what}`
}

function details(difference: Difference | undefined): string[] {
  if (!difference || difference.state === 'ok') return []
  const fields = difference.state === 'unknown' ? [] : (difference.fields ?? [])
  const next = difference.state === 'unknown' && difference.next ? [`→ ${difference.next}`] : []
  return [
    ...fields.map(({ name, before, after }) => `${name}: ${before ?? chalk.dim('(not set)')} → ${after}`),
    ...next,
    ...(difference.effects ?? []).map((effect) => chalk.dim(`$ ${display(effect)}`)),
  ]
}

/** One line with the number of tasks in each state. */
export function formatSummary(outcomes: readonly Outcome[], done = false): string {
  const count = (state: Outcome['state']) => outcomes.filter((outcome) => outcome.state === state).length
  const parts = [
    [count('create'), done ? 'created' : 'to create'],
    [count('change'), done ? 'changed' : 'to change'],
    [count('ok'), 'ok'],
    [count('unknown'), 'unknown'],
    [count('failed'), 'failed'],
  ] as const
  return `${parts
    .filter(([number]) => number > 0)
    .map(([number, word]) => `${number} ${word}`)
    .join(', ')}.`
}

export const planData = (outcomes: readonly Outcome[]): object[] =>
  outcomes.map(({ task, state, difference, error }) => ({
    id: task.id,
    title: task.title,
    state,
    ...(difference?.state === 'ok' ? { because: difference.reason } : {}),
    ...(difference?.state === 'unknown' ? { why: difference.why, next: difference.next } : {}),
    ...(difference && 'what' in difference ? { what: difference.what, fields: difference.fields ?? [] } : {}),
    ...(difference && 'effects' in difference ? { lines: (difference.effects ?? []).map(display) } : {}),
    ...(error ? { error: (error as Error).message } : {}),
  }))
