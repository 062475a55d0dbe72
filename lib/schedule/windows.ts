import { createHash } from 'node:crypto'
import { formatScriptLine } from '../config/config.ts'
import { type Command, local, secretFile } from '../shell/command.ts'
import { type Context, type Difference, ok, type Task } from '../tasks/task.ts'
import { getMessage, OpsError } from '../util/errors.ts'
import {
  assertOneLine,
  formatInterval,
  type InstallTarget,
  type Interval,
  pad2,
  type ScheduledTask,
} from './tasks.ts'

/** The path of the task in the Task Scheduler. */
export const getTaskName = (
  task: Pick<ScheduledTask, 'id'>,
  { environment, folder }: InstallTarget,
): string => `\\Codex Dominion\\${environment} ${task.id} ${hash(folder)}`

const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 6)

/** Escapes text for XML as pure ASCII, which schtasks reads correctly in any code page. */
const escapeXml = (text: string): string =>
  text.replaceAll(/[&<>"']|[^\x20-\x7e]/gu, (character) => `&#${character.codePointAt(0)};`)

/** Quotes an argument for CommandLineToArgvW. */
export function quoteArgument(text: string): string {
  if (text !== '' && !/[\s"]/.test(text)) return text
  return `"${text.replaceAll(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`
}

function renderTrigger(interval: Interval): string[] {
  const at = (hour: number, minute: number) =>
    `<StartBoundary>2026-01-01T${pad2(hour)}:${pad2(minute)}:00</StartBoundary>`
  const daily = ['<Enabled>true</Enabled>', '<ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay>']
  const every = (minutes: number) =>
    `<Repetition><Interval>PT${minutes}M</Interval><Duration>P1D</Duration><StopAtDurationEnd>false</StopAtDurationEnd></Repetition>`
  if ('dailyAt' in interval) return [at(interval.dailyAt.hour, interval.dailyAt.minute), ...daily]
  return [every(interval.everyMinutes), at(0, interval.fromMinute ?? 0), ...daily]
}

/**
 * A task as the Task Scheduler imports it (schema 1.2; learn.microsoft.com, Task Scheduler Schema). It runs while its
 * user is logged on, which needs no password and gives access to az's login. A hash in the description shows whether
 * the task is up to date, because Windows rewrites the rest.
 */
export function renderTaskXml(task: ScheduledTask, target: InstallTarget): string {
  for (const word of [target.folder, ...task.argv]) assertOneLine(word, 'Windows task')
  const [command = '', ...words] = task.argv
  const body = [
    `<Triggers><CalendarTrigger>${renderTrigger(task.interval).join('')}</CalendarTrigger></Triggers>`,
    `<Principals><Principal id="Author"><UserId>${escapeXml(target.user)}</UserId><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal></Principals>`,
    [
      '<Settings><MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>',
      '<DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>',
      '<StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>',
      `<StartWhenAvailable>${task.catchUp}</StartWhenAvailable>`,
      `<ExecutionTimeLimit>PT${task.limitMinutes}M</ExecutionTimeLimit></Settings>`,
    ].join(''),
    [
      `<Actions Context="Author"><Exec><Command>${escapeXml(command)}</Command>`,
      `<Arguments>${escapeXml(words.map(quoteArgument).join(' '))}</Arguments>`,
      `<WorkingDirectory>${escapeXml(target.folder)}</WorkingDirectory></Exec></Actions>`,
    ].join(''),
  ]
  const description = `Codex Dominion: ${task.title} (${target.environment}) in ${target.folder}; ${formatScriptLine('schedule', '--remove')} removes it`
  return [
    '<?xml version="1.0"?>',
    '<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">',
    `<RegistrationInfo><Description>${escapeXml(description)} [${hash(body.join())}]</Description></RegistrationInfo>`,
    ...body,
    '</Task>',
    '',
  ].join('\n')
}

/** True when the registered task was created from this XML. */
export const isSameTask = (held: string, wanted: string): boolean => {
  const mark = /\[([0-9a-f]{6})\]<\/Description>/.exec(wanted)?.[1]
  return mark !== undefined && held.includes(`[${mark}]</Description>`)
}

/** The file is deleted after the command: Windows keeps its own copy. */
export const createCommand = (task: ScheduledTask, target: InstallTarget): Command =>
  local.change`
    schtasks /Create /F /TN ${getTaskName(task, target)} /XML ${secretFile(`${task.id}.xml`, renderTaskXml(task, target))}`

export const deleteCommand = (task: ScheduledTask, target: InstallTarget): Command =>
  local.change`schtasks /Delete /F /TN ${getTaskName(task, target)}`

/** One task per entry; with `wanted` false, removes them. */
export const windowsTasks = (
  { runner }: Context,
  target: InstallTarget,
  tasks: readonly ScheduledTask[],
  wanted: boolean,
): Task[] =>
  tasks.map((task) => ({
    id: task.id,
    title: `Task ${getTaskName(task, target)}`,
    part: 'together',
    async inspect(): Promise<Difference> {
      const asked = local({ accept: [0, 1], timeoutMs: 30_000 })`
        schtasks /Query /TN ${getTaskName(task, target)} /XML ONE`
      const { code, stdout } = await runner.run(asked).catch((thrown) => {
        throw new OpsError({
          what: 'This machine has no Task Scheduler',
          said: getMessage(thrown),
          next: 'Use --as cron or --as systemd.',
        })
      })
      const installed = code === 0
      if (!wanted)
        return installed
          ? { state: 'change', what: 'remove', effects: [deleteCommand(task, target)] }
          : ok('not installed')
      if (installed && isSameTask(stdout, renderTaskXml(task, target))) return ok('up to date')
      return {
        state: installed ? 'change' : 'create',
        what: formatInterval(task.interval),
        effects: [createCommand(task, target)],
      }
    },
  }))
