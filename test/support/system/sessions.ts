import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { dominionArgv, ordinaryEnvironment } from './rehearsal.ts'

/** A running script that can be killed or interrupted. */
export interface Session {
  pid: number
  kill(signal: NodeJS.Signals): void
  /** Its output so far, stdout and stderr. */
  said(): string
  /** Resolves when this text was printed; rejects when the script ends first or 5 minutes pass. */
  until(words: RegExp): Promise<void>
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; said: string; ms: number }>
}

/** Starts `npx dominion …args`. A signal reaches this process alone, as from `kill`. */
export function startSession(args: string[]): Session {
  const [program, ...rest] = dominionArgv(args)
  const began = Date.now()
  const child = spawn(program!, rest, {
    env: ordinaryEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  })
  let said = ''
  let over = false
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      said += chunk
    })
  // `exit`, not `close`: processes that outlive a killed one hold its output open.
  const ended: Session['ended'] = new Promise((resolve) => {
    child.once('exit', async (code, signal) => {
      await pause(50)
      over = true
      resolve({ code, signal, said, ms: Date.now() - began })
    })
  })
  return {
    pid: child.pid!,
    kill: (signal) => void child.kill(signal),
    said: () => said,
    ended,
    async until(words) {
      for (const deadline = Date.now() + 300_000; !words.test(said); await pause(20))
        if (over || Date.now() > deadline) throw new Error(`it never said ${words}:\n${said}`)
    },
  }
}

/** Other processes on this machine whose arguments or environment match. */
export function findProcesses(words: RegExp): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((pid) => {
      try {
        const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8')
        const names = words.test(line) || words.test(readFileSync(`/proc/${pid}/environ`, 'utf8'))
        return names ? [`${pid} ${line.replaceAll('\0', ' ')}`] : []
      } catch {
        return [] // It has already ended.
      }
    })
}
