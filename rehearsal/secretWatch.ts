import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { listForms } from '../lib/shell/redactor.ts'

/** Records the arguments of every process on this machine, as any local user could see them. */
export interface SecretWatch {
  /**
   * Ends the watch and searches those arguments and every file of a folder for the secrets.
   * Returns where they were found; the result should be empty.
   */
  stop(secrets: readonly string[], folder: string): string[]
  /** How many processes it has seen. */
  processes(): number
}

const everyMs = 15
/** A process gets other arguments when it runs another program, which most do at their start. */
const isDue = (looks: number) => looks < 20 || looks % 8 === 0

export function watchArguments(): SecretWatch {
  const lines = new Set<string>()
  let known = new Map<string, number>()
  const timer = setInterval(() => {
    const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
    known = new Map(pids.map((pid) => [pid, (known.get(pid) ?? -1) + 1]))
    for (const [pid, looks] of known) {
      if (!isDue(looks)) continue
      const line = read(`/proc/${pid}/cmdline`)
      if (line) lines.add(`${pid} ${line.replaceAll('\0', ' ')}`)
    }
  }, everyMs)
  timer.unref()
  return {
    processes: () => lines.size,
    stop(secrets, folder) {
      clearInterval(timer)
      const forms = secrets.filter((text) => text.length > 3).flatMap(listForms)
      const holds = (text: string) => forms.some((form) => text.includes(form))
      const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
        .map((name) => path.join(folder, name))
        .filter((file) => statSync(file).isFile())
      return [
        ...[...lines]
          .filter(holds)
          .map((line) => `the arguments of ${line.split(' ').slice(0, 2).reverse().join(', pid ')}`),
        ...files.filter((file) => holds(read(file))),
        ...files
          .filter((file) => (statSync(file).mode & 0o077) !== 0)
          .map((file) => `${file} is readable by others`),
      ]
    },
  }
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // the process has ended meanwhile
  }
}
