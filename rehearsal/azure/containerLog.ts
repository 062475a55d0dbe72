import { StringDecoder } from 'node:string_decoder'

/** Azure keeps the newest 4 MB of a container's output. */
const limit = 4 * 1024 * 1024

/** What a container has written, and when each line started. */
export interface ContainerLog {
  keep(chunk: Buffer | string): void
  /**
   * @param tail only this many of the last lines; 0 for all
   * @param stamped whether each line starts with the time at which it was written (RFC 3339, nanoseconds)
   */
  text(tail?: number, stamped?: boolean): string
}

export function containerLog(): ContainerLog {
  let lines: { at: string; text: string }[] = []
  let bytes = 0
  const decoder = new StringDecoder('utf8')
  let rest: { at: string; text: string } | undefined
  return {
    keep(chunk) {
      const at = new Date().toISOString().replace('Z', '000000Z')
      const parts = decoder.write(chunk as Buffer).split('\n')
      for (const [index, part] of parts.entries()) {
        rest = { at: rest?.at ?? at, text: (rest?.text ?? '') + part }
        if (index === parts.length - 1) continue
        lines.push(rest)
        bytes += Buffer.byteLength(rest.text) + 1
        rest = undefined
      }
      if (rest?.text === '') rest = undefined
      let drop = 0
      while (bytes > limit) bytes -= Buffer.byteLength(lines[drop++]!.text) + 1
      if (drop > 0) lines = lines.slice(drop)
    },
    text(tail = 0, stamped = false) {
      const all = rest ? [...lines, rest] : lines
      const shown = (tail > 0 ? all.slice(-tail) : all).map(({ at, text }) =>
        stamped ? `${at} ${text}` : text,
      )
      return shown.length === 0 ? '' : shown.join('\n') + (rest ? '' : '\n')
    },
  }
}
