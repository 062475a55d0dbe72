import { readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import type { Config } from '../lib/config/config.ts'

/** Watches the arguments of every process on this machine for secrets, as any local user could. */
export interface SecretWatch {
  /** Also looks through the files of a folder. Gives where secrets were seen: empty is well. */
  stop(folder: string): string[]
  processes(): number
}

const everyMs = 15

export function watchForSecrets(config: Config, others: readonly string[]): SecretWatch {
  const secrets = [config.postgres.password.text(), config.backend.secretKey.text(), ...others].filter(
    (text) => text.length > 3,
  )
  const forms = secrets.flatMap((text) => [
    text,
    encodeURIComponent(text),
    Buffer.from(text).toString('base64').replace(/=+$/, ''),
  ])
  const seen = new Set<string>()
  const looked = new Set<string>()
  const timer = setInterval(() => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const line = read(`/proc/${pid}/cmdline`)
      if (!line) continue
      looked.add(`${pid} ${line}`)
      if (forms.some((form) => line.includes(form)))
        seen.add(`arguments of ${line.split('\0')[0]} (pid ${pid})`)
    }
  }, everyMs)
  timer.unref()
  return {
    processes: () => looked.size,
    stop(folder) {
      clearInterval(timer)
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const file = path.join(folder, name)
        if (!statSync(file).isFile()) continue
        const text = read(file)
        if (forms.some((form) => text.includes(form))) seen.add(file)
        if ((statSync(file).mode & 0o077) !== 0) seen.add(`${file} is readable for others`)
      }
      return [...seen]
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
