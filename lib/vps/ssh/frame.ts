import { randomBytes } from 'node:crypto'

/**
 * What sshd is asked to run, and how its output is read. sshd hands a line to the login shell of the user, which may
 * print something first: bash reads ~/.bashrc for a command that comes by ssh (bash(1), INVOCATION), zsh ~/.zshenv, fish
 * its config.fish. So each line begins with a marker on both outputs, and what stands before it is not the line's. The
 * two markers differ, and stderr's comes first: a start file may join both outputs (`exec 2>&1`).
 */
export interface Frame {
  /**
   * The line for sshd that runs this line. It means the same to every login shell: single quotes around text without
   * quotes, line breaks and exclamation marks, and a backslash only before a 0.
   */
  wrap(line: string): string
  /** The line for sshd that reads a length and a line of that length from its standard input, and runs it. */
  readonly readingLine: string
  /** Reads one output of one session. */
  reader(output?: 'stdout' | 'stderr'): Reader
}

export interface Reader {
  /** Gives the part of a chunk that belongs to the line. */
  take(chunk: Buffer): Buffer
  /** What came before the marker, at most the end of it. */
  readonly before: string
  /** Whether the marker came: the line has been started. */
  readonly started: boolean
}

/** Nobody reads more of a login shell's greeting. */
const mostBefore = 64 * 1024

/** A frame with a marker that no output contains by chance. */
export function createFrame(marker = randomBytes(12).toString('hex')): Frame {
  // In two halves: `set -x` in a start file prints the line, which must not contain the marker.
  const [first, second] = [marker.slice(0, 12), marker.slice(12)]
  // Without LC_ALL tools read numbers and write messages in the language of the VPS.
  const begin = `LC_ALL=C; export LC_ALL; printf %s%s ${second} ${first} >&2; printf %s%s ${first} ${second}; `
  return {
    wrap: (line) => `exec sh -c '${begin}eval "$(printf %b "$1")"' sh '${encodeOctal(line)}'`,
    // `read` and `head` take exactly their own bytes off the input; what follows is the line's.
    readingLine: `exec sh -c '${begin}read -r length && line=$(head -c "$length") && eval "$line"'`,
    reader: (output = 'stdout') => createReader(output === 'stdout' ? marker : second + first),
  }
}

/** For printf's %b (POSIX, printf): everything that a shell could read as its own becomes an octal escape. */
const encodeOctal = (line: string): string =>
  [...Buffer.from(line)]
    .map((byte) => {
      const character = String.fromCharCode(byte)
      return /[\w ./:=,@+-]/.test(character) ? character : `\\0${byte.toString(8).padStart(3, '0')}`
    })
    .join('')

function createReader(marker: string): Reader {
  let before: Buffer = Buffer.alloc(0)
  let started = false
  return {
    take(chunk) {
      if (started) return chunk
      const text = Buffer.concat([before, chunk])
      const at = text.indexOf(marker)
      started = at >= 0
      before = text.subarray(0, started ? at : text.length).subarray(-mostBefore)
      return started ? text.subarray(at + marker.length) : Buffer.alloc(0)
    },
    get before() {
      return before.toString()
    },
    get started() {
      return started
    },
  }
}
