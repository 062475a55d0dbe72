/*
 * What this tool prints. Most of it was written by others: a server's banner, an answer's body, a log, a receipt, the name
 * of a file. On a terminal such text could move the cursor, colour, hide, retitle the window, fill the clipboard (OSC 52),
 * make links (OSC 8) or turn the order of letters. So whatever goes to stdout or stderr passes here, and every control
 * becomes visible text. The tool's own styles pass: they carry a mark that nobody else knows.
 */

/**
 * All of Unicode that is not shown, but steers: Cc without tab and newline (C0, DEL, C1), Cf (zero-width, bidirectional,
 * tags), the line and paragraph separators. As ranges, because \p{…} takes three times as long on a long log.
 */
const controls =
  '[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u08e2\\u180e\\u200b-\\u200f' +
  '\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]|\\udb40[\\udc00-\\udc7f]'
const anyControl = new RegExp(controls, 'g')

/** Digits, as the parameters of a sequence are: what counts widths, or splits lines, takes it for one. */
let mark: string | undefined
let anyOfThem = anyControl

/** Makes a style's sequence (`ESC [ … m`) this tool's own: `printable` lets it through. */
export function ownStyle(sequence: string): string {
  if (mark === undefined) {
    const numbers = crypto.getRandomValues(new Uint16Array(4))
    mark = [...numbers].map((each) => 1000 + (each % 9000)).join(';')
    anyOfThem = new RegExp(`\\x1b\\[${mark};([0-9;]+m)|${controls}`, 'g')
  }
  return sequence.replaceAll('\u001b[', `\u001b[${mark};`)
}

/** The text with every control made visible (`\x1b`), but tabs, line ends and this tool's own styles. */
export const printable = (text: string): string =>
  text.replaceAll('\r\n', '\n').replace(anyOfThem, (found, style: unknown) =>
    // Without the alternative for styles the second argument is the place of what was found.
    typeof style === 'string' ? `\u001b[${style}` : visible(found),
  )

function visible(control: string): string {
  const code = control.codePointAt(0)!
  const digits = code.toString(16)
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`
}

/**
 * JSON with the same data in its strings and every control escaped: JSON.stringify escapes none from DEL on.
 * Only between the values nothing changes.
 */
export const printableJson = (json: string): string =>
  json.replace(anyControl, (found) =>
    [...Array(found.length).keys()]
      .map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )

/** Prints to stdout: the result. */
export const writeOut = (text: string): void => void process.stdout.write(printable(text))

/** Prints a JSON document to stdout. */
export const writeJson = (json: string): void => void process.stdout.write(printableJson(json))

/** Prints to stderr: the story, a failure. */
export const writeErr = (text: string): void => void process.stderr.write(printable(text))
