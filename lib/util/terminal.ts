/*
 * Everything that this tool prints passes through here. Much of it comes from elsewhere: a server's banner, the body of
 * an answer, a log, a receipt, the name of a file. On a terminal, such text could move the cursor, change colours, hide
 * text, set the window's title, fill the clipboard (OSC 52), make links (OSC 8) or reorder letters. Therefore every
 * control character is made visible. This tool's own styles carry a random mark and pass unchanged.
 */

/**
 * The control characters of Unicode: Cc without tab and newline (C0, DEL, C1), Cf (zero-width, bidirectional, tags), and
 * the line and paragraph separators. Written as ranges, because \p{…} takes three times as long on a long log.
 */
const controls =
  '[\\0-\\x08\\x0b-\\x1f\\x7f-\\x9f\\xad\\u0600-\\u0605\\u061c\\u06dd\\u070f\\u08e2\\u180e\\u200b-\\u200f' +
  '\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\ufff9-\\ufffb]|\\udb40[\\udc00-\\udc7f]'
const anyControl = new RegExp(controls, 'g')

/**
 * The mark consists of digits, like the parameters of a sequence, so that code that measures width or wraps
 * lines accepts it.
 */
let mark: string | undefined
let anyOfThem = anyControl

/** Marks a style's sequence (`ESC [ … m`) as this tool's own, so that `printable` keeps it. */
export function markStyle(sequence: string): string {
  if (mark === undefined) {
    const numbers = crypto.getRandomValues(new Uint16Array(4))
    mark = [...numbers].map((each) => 1000 + (each % 9000)).join(';')
    anyOfThem = new RegExp(`\\x1b\\[${mark};([0-9;]+m)|${controls}`, 'g')
  }
  return sequence.replaceAll('\u001b[', `\u001b[${mark};`)
}

/** The text with every control character made visible (`\x1b`), except tabs, line ends and this tool's own styles. */
export const escapeControls = (text: string): string =>
  text.replaceAll('\r\n', '\n').replace(anyOfThem, (found, style: unknown) =>
    // Without the alternative for styles, the second argument is the position of the match.
    typeof style === 'string' ? `\u001b[${style}` : visible(found),
  )

function visible(control: string): string {
  const code = control.codePointAt(0)!
  const digits = code.toString(16)
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\u{${digits}}`
}

/** Escapes control characters in a JSON document without changing its data; JSON.stringify escapes none from DEL on. */
export const escapeJsonControls = (json: string): string =>
  json.replace(anyControl, (found) =>
    [...Array(found.length).keys()]
      .map((at) => `\\u${found.charCodeAt(at).toString(16).padStart(4, '0')}`)
      .join(''),
  )

/** Prints the result to stdout. */
export const writeOut = (text: string): void => void process.stdout.write(escapeControls(text))

export const writeJson = (json: string): void => void process.stdout.write(escapeJsonControls(json))

/** Prints progress or a failure to stderr. */
export const writeErr = (text: string): void => void process.stderr.write(escapeControls(text))
