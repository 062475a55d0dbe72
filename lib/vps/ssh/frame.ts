import { randomBytes } from 'node:crypto'

/** How many bytes of a greeting are kept. */
const maxBefore = 64 * 1024

/**
 * Builds the lines for sshd, and reads their output. sshd passes a line to the user's login shell, which may print
 * something first: bash reads ~/.bashrc for a command over ssh (bash(1), INVOCATION), zsh ~/.zshenv, fish its
 * config.fish. So each line first prints a marker on both outputs, and anything before a marker is not output of the
 * line. The markers differ and stderr's comes first, because a start file may join both outputs (`exec 2>&1`).
 */
export function createFrame(marker = randomBytes(12).toString('hex')) {
  // In two halves: `set -x` in a start file prints the line, which must not contain the marker.
  const [first, second] = [marker.slice(0, 12), marker.slice(12)]
  // Without LC_ALL, tools would use the language of the VPS for numbers and messages.
  const begin = `LC_ALL=C; export LC_ALL; printf %s%s ${second} ${first} >&2; printf %s%s ${first} ${second}; `
  return {
    /**
     * Returns the line for sshd that runs `line`. It means the same to every login shell: text in single quotes that
     * contains no quotes, line breaks or exclamation marks, and a backslash only before a 0.
     */
    wrap: (line: string) => `exec sh -c '${begin}eval "$(printf %b "$1")"' sh '${encodeOctal(line)}'`,
    /** Reads a length and a line of that length from standard input and runs it; the rest is the input of that line. */
    readingLine: `exec sh -c '${begin}read -r length && line=$(head -c "$length") && eval "$line"'`,
    reader: (output: 'stdout' | 'stderr' = 'stdout') =>
      createReader(output === 'stdout' ? marker : second + first),
  }
}

/** Encodes everything that a shell could interpret as an octal escape for printf's %b (POSIX, printf). */
const encodeOctal = (line: string): string =>
  [...Buffer.from(line)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[\w ./:=,@+-]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`
    })
    .join('')

export type Reader = ReturnType<typeof createReader>

function createReader(marker: string) {
  let before: Buffer = Buffer.alloc(0)
  let started = false
  return {
    /** Returns the part of a chunk that follows the marker. */
    take(chunk: Buffer): Buffer {
      if (started) return chunk
      const text = Buffer.concat([before, chunk])
      const at = text.indexOf(marker)
      started = at >= 0
      before = text.subarray(0, started ? at : text.length).subarray(-maxBefore)
      return started ? text.subarray(at + marker.length) : Buffer.alloc(0)
    },
    /** What precedes the marker: at most the last part of it. */
    get before() {
      return before.toString()
    },
    /** The marker has arrived, so the line was started. */
    get started() {
      return started
    },
  }
}
