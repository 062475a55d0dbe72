import type { ListrTask, ListrTaskWrapper } from 'listr2'
import { colours } from '../util/colours.ts'
import { formatDuration } from '../util/format.ts'
import { escapeControls } from '../util/terminal.ts'
import type { Listener, Outcome } from './engine.ts'
import type { Task } from './task.ts'

export interface Screen extends Listener {
  /** Resolves when the last line is drawn. */
  finished(): Promise<void>
}

export interface ScreenOptions {
  tasks: readonly Task[]
  /** listr2's renderer. `default` is animated; it is only for a real terminal of reasonable width, not for CI. */
  renderer: 'default' | 'verbose' | 'silent'
  /** Whether plain lines include the output of the tools. */
  verbose: boolean
  /** Aborted on the first Ctrl-C. */
  stopping?: AbortSignal
  write(line: string): void
  clean(text: string): string
}

const chalk = colours()
const heartbeatMs = 30_000
const groups = { azure: 'Azure', ionos: 'IONOS' } as const

/** What listr2 draws of a task. */
interface Row {
  /** Set as soon as listr2 has started it, which is before the engine starts it. */
  drawn: PromiseWithResolvers<ListrTaskWrapper<unknown, never, never>>
  ended: PromiseWithResolvers<Outcome>
}

/**
 * Draws tasks with listr2, with one group per cloud. It decides nothing: each row waits until the engine reports the
 * end of its task. Without a terminal, each event is a line with its time, and a running task prints a line every 30 s.
 */
export async function openScreen({ tasks, renderer, ...options }: ScreenOptions): Promise<Screen> {
  const { Listr, ListrLogger } = await import('listr2')
  const animated = renderer === 'default'
  // listr2 writes to the terminal itself and moves its cursor, so its input must already be safe.
  const safe = (text: string) => (animated ? escapeControls(options.clean(text)) : options.clean(text))
  const rows = new Map<Task, Row>(
    tasks.map((task) => [task, { drawn: Promise.withResolvers(), ended: Promise.withResolvers() }]),
  )
  /** Every plain line is the output of a row, because messages about states alone come too late to be in order. */
  class Lines extends ListrLogger {
    override log(level: string, message: unknown): void {
      if (level === 'OUTPUT') options.write(`${new Date().toISOString().slice(11, 19)} ${message}`)
    }
  }
  const draw = (task: Task): ListrTask => ({
    title: safe(animated ? chalk.dim(task.title) : task.title),
    async task(_, drawn) {
      const row = rows.get(task)!
      row.drawn.resolve(drawn as Awaited<typeof row.drawn.promise>)
      const outcome = await row.ended.promise
      if (outcome.state === 'skipped') return drawn.skip(safe(endLine(outcome)))
      drawn.title = safe(endLine(outcome))
      if (outcome.state === 'failed') throw new Error(drawn.title)
    },
  })
  const rendererOptions = {
    ...{ collapseErrors: false, showErrorMessage: false, collapseSkips: false, collapseSubtasks: false },
    ...(animated ? {} : { logger: new Lines() }),
  }
  const list = { concurrent: true, exitOnError: false } as const
  const listr = new Listr(
    groupTasks(tasks, draw, (some) => (_, drawn) => drawn.newListr(some, list)),
    { ...list, registerSignalListeners: false, renderer, rendererOptions, fallbackRenderer: 'simple' },
  )
  const finished = listr.run().catch(() => {})
  const drawn = new Map(
    await Promise.all([...rows].map(async ([task, row]) => [task, await row.drawn.promise] as const)),
  )
  const show = (task: Task, line: string) => {
    const row = drawn.get(task)
    if (row) row.output = safe(line)
  }
  const listener = animated ? createAnimation(drawn, show, safe, options) : createLines(show, options)
  return {
    ...listener,
    ended(outcome) {
      listener.ended(outcome)
      rows.get(outcome.task)?.ended.resolve(outcome)
    },
    finished: async () => {
      await finished
    },
  }
}

/** Groups the tasks by cloud if there are both; the others stay at the top level. */
function groupTasks(
  tasks: readonly Task[],
  draw: (task: Task) => ListrTask,
  nest: (some: ListrTask[]) => ListrTask['task'],
): ListrTask[] {
  const parts = Object.keys(groups) as (keyof typeof groups)[]
  if (!parts.every((name) => tasks.some(({ part }) => part === name))) return tasks.map(draw)
  const of = (wanted: Task['part']) => tasks.filter(({ part }) => part === wanted).map(draw)
  return [
    ...of('prepare'),
    ...parts.map((name) => ({ title: groups[name], task: nest(of(name)) })),
    ...of('together'),
  ]
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: the sequence of a colour begins with it
const colour = /\u001b\[[\d;:]*m/g

/** The lines of a string without the colours that a tool gives its output: they would be shown as \x1b[…m. */
const splitLines = (text: string): string[] =>
  text
    .replaceAll(colour, '')
    .split(/[\r\n]+/)
    .map((line) => line.trimEnd())
    .filter(Boolean)

/** On a terminal, the title of a running task is bright, with its last line of output below. */
function createAnimation(
  drawn: ReadonlyMap<Task, { title: string }>,
  show: (task: Task, line: string) => void,
  safe: (text: string) => string,
  { stopping }: Pick<ScreenOptions, 'stopping'>,
): Listener {
  const running = new Set<Task>()
  const retitle = (task: Task, note = '') => {
    const row = drawn.get(task)
    if (row) row.title = safe(`${task.title}${note}`)
  }
  // Anything else that is printed appears only when the list is done.
  stopping?.addEventListener('abort', () => {
    for (const task of running)
      retitle(task, chalk.yellow(' – finishing this step; press Ctrl-C again to stop now'))
  })
  return {
    started(task) {
      running.add(task)
      retitle(task)
    },
    logged: (task, text) => show(task, splitLines(text).at(-1) ?? ''),
    ended: ({ task }) => void running.delete(task),
  }
}

/** For logs, pipes, cron and CI: one line per event. */
function createLines(
  show: (task: Task, line: string) => void,
  { verbose }: Pick<ScreenOptions, 'verbose'>,
): Listener {
  const heartbeats = new Map<Task, NodeJS.Timeout>()
  const lastLines = new Map<Task, string>()
  return {
    started(task) {
      const since = Date.now()
      show(task, `${task.title} …`)
      const beat = setInterval(() => {
        const last = lastLines.get(task)
        const words = last ? ` (${last})` : ''
        show(task, `${task.title}: still running, ${formatDuration(Date.now() - since)}${words}`)
      }, heartbeatMs)
      heartbeats.set(task, beat.unref())
    },
    logged(task, text, from) {
      const lines = splitLines(text)
      lastLines.set(task, lines.at(-1) ?? '')
      if (from === undefined || verbose) for (const line of lines) show(task, `${task.title}: ${line}`)
    },
    ended(outcome) {
      clearInterval(heartbeats.get(outcome.task))
      show(outcome.task, endLine(outcome))
    },
  }
}

/** The message of a finished task. */
export function endLine({ task, state, difference, error, started, ended }: Outcome): string {
  const took = started === undefined || ended === undefined ? '' : ` [${formatDuration(ended - started)}]`
  if (state === 'failed') return `${task.title}: failed: ${(error as Error).message.split('\n')[0]}${took}`
  if (state === 'skipped') return `${task.title}: not started`
  if (difference?.state === 'ok') return `${task.title}: ok, ${difference.reason}${took}`
  return `${task.title}: ${difference && 'what' in difference ? difference.what : state}${took}`
}
