import type { ListrTask } from 'listr2'
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
  /** Chosen by name: `animated` only on a real terminal of sane width and not in CI. */
  look: 'animated' | 'plain' | 'silent'
  /** Plain lines show the tools' output too. */
  verbose: boolean
  /** Aborted on the first Ctrl-C. */
  stopping?: AbortSignal
  write(line: string): void
  clean(text: string): string
}

const chalk = colours()
const heartbeatMs = 30_000

/** Shows steps; decides nothing. */
export async function openScreen(options: ScreenOptions): Promise<Screen> {
  if (options.look === 'silent') return { started() {}, logged() {}, ended() {}, finished: async () => {} }
  return options.look === 'animated' ? animated(options) : plain(options)
}

/** What one finished step says of itself. */
export function endLine({ task, state, difference, error, started, ended }: Outcome): string {
  const took = started === undefined || ended === undefined ? '' : ` [${formatDuration(ended - started)}]`
  if (state === 'failed') return `${task.title}: failed: ${(error as Error).message.split('\n')[0]}${took}`
  if (state === 'skipped') return `${task.title}: not begun`
  if (difference?.state === 'ok') return `${task.title}: ok, ${difference.reason}${took}`
  return `${task.title}: ${difference && 'what' in difference ? difference.what : state}${took}`
}

/** One line an event with its time, and a sign of life every 30 s: for logs, pipes, cron and CI. */
function plain({ write, clean, verbose }: ScreenOptions): Screen {
  const beating = new Map<string, NodeJS.Timeout>()
  const lastWords = new Map<string, string>()
  const notBegun: string[] = []
  const line = (text: string) => write(clean(`${new Date().toISOString().slice(11, 19)} ${text}`))
  return {
    started(step) {
      const since = Date.now()
      line(`${step.title} …`)
      const beat = setInterval(() => {
        const words = lastWords.get(step.id)
        line(`${step.title}: still at it, ${formatDuration(Date.now() - since)}${words ? ` (${words})` : ''}`)
      }, heartbeatMs)
      beat.unref()
      beating.set(step.id, beat)
    },
    logged(step, text, from) {
      const lines = text
        .split(/[\r\n]+/)
        .map((each) => each.trimEnd())
        .filter(Boolean)
      lastWords.set(step.id, lines.at(-1) ?? '')
      if (from === undefined || verbose) for (const each of lines) line(`${step.title}: ${each}`)
    },
    ended(outcome) {
      clearInterval(beating.get(outcome.task.id))
      if (outcome.state === 'skipped') notBegun.push(outcome.task.title)
      else line(endLine(outcome))
    },
    async finished() {
      if (notBegun.length > 0) line(`Not begun: ${notBegun.join(' · ')}`)
    },
  }
}

/** listr2's list on a terminal; each of its tasks only waits for the engine to say that its step has ended. */
async function animated({ tasks, stopping, clean }: ScreenOptions): Promise<Screen> {
  const { Listr } = await import('listr2')
  // listr2 writes to the terminal itself, and moves its cursor: what it is given must be safe already.
  const shownText = (text: string) => escapeControls(clean(text))
  const shown = new Map(
    tasks.map((step) => [
      step.id,
      {
        step,
        begin: () => {},
        end: Promise.withResolvers<Outcome>(),
        say: (_: string) => {},
        lastOne: () => {},
      },
    ]),
  )
  const drawn = tasks.map(
    (step): ListrTask => ({
      title: shownText(chalk.dim(step.title)),
      task: async (_, task) => {
        const mine = shown.get(step.id)!
        mine.begin = () => {
          task.title = shownText(step.title)
          mine.lastOne = () => {
            task.title = shownText(
              `${step.title} ${chalk.yellow('– stopping after this; press Ctrl-C again to stop now')}`,
            )
          }
        }
        mine.say = (text) => {
          task.output = shownText(
            text
              .trimEnd()
              .split(/[\r\n]+/)
              .at(-1) ?? '',
          )
        }
        const outcome = await mine.end.promise
        mine.lastOne = () => {}
        if (outcome.state === 'skipped') return task.skip(shownText(endLine(outcome)))
        task.title = shownText(endLine(outcome))
        // Where listr2 takes its plain renderer it shows the error's own words.
        if (outcome.state === 'failed') throw new Error(task.title)
      },
    }),
  )
  const listr = new Listr(drawn, {
    concurrent: true,
    exitOnError: false,
    registerSignalListeners: false,
    renderer: 'default',
    rendererOptions: { collapseErrors: false, showErrorMessage: false, collapseSkips: false },
  })
  // What is printed beside the list shows only when the list is done.
  stopping?.addEventListener('abort', () => {
    for (const { lastOne } of shown.values()) lastOne()
  })
  const run = listr.run().catch(() => {})
  return {
    started: (step) => shown.get(step.id)?.begin(),
    logged: (step, text) => shown.get(step.id)?.say(text),
    ended: (outcome) => shown.get(outcome.task.id)?.end.resolve(outcome),
    finished: async () => {
      await run
    },
  }
}
