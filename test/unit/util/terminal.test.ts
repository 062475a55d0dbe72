import { stripVTControlCharacters } from 'node:util'
import { Chalk } from 'chalk'
import { expect, test } from 'vitest'
import { colours } from '../../../lib/util/colours.ts'
import { formatTable } from '../../../lib/util/format.ts'
import { escapeControls, escapeJsonControls } from '../../../lib/util/terminal.ts'

/** Text that controls the terminal or hides itself, with what remains visible of it. */
const attacks: [string, string, string][] = [
  ['colour', '\x1b[31mred\x1b[0m', '\\x1b[31mred\\x1b[0m'],
  ['conceal', '\x1b[8mhidden', '\\x1b[8mhidden'],
  ['clear and home', '\x1b[2J\x1b[H', '\\x1b[2J\\x1b[H'],
  ['CSI in one character (C1)', '\x9b2J', '\\x9b2J'],
  ['window title', '\x1b]0;owned\x07', '\\x1b]0;owned\\x07'],
  ['link (OSC 8)', '\x1b]8;;http://evil.test\x1b\\here', '\\x1b]8;;http://evil.test\\x1b\\here'],
  ['clipboard (OSC 52, C1)', '\x9d52;c;cm0gLXJm\x9c', '\\x9d52;c;cm0gLXJm\\x9c'],
  ['device control', '\x1bP$q"p\x1b\\\x90x', '\\x1bP$q"p\\x1b\\\\x90x'],
  ['bell, backspace, vertical tab, form feed', 'a\x07\b\v\f', 'a\\x07\\x08\\x0b\\x0c'],
  ['a line that writes over itself', '✖ failed\r✔ done  ', '✖ failed\\x0d✔ done  '],
  ['null and delete', '\0\x7f', '\\x00\\x7f'],
  ['next line (C1)', 'a\x85b', 'a\\x85b'],
  ['right to left', 'user\u202etxt.exe\u202c', 'user\\u202etxt.exe\\u202c'],
  [
    'isolates and marks',
    '\u2066\u2067\u2068\u2069\u200e\u200f\u061c',
    '\\u2066\\u2067\\u2068\\u2069\\u200e\\u200f\\u061c',
  ],
  ['nothing to see', 'a\u200bb\u2060\ufeff\u00ad', 'a\\u200bb\\u2060\\ufeff\\xad'],
  ['line and paragraph separators', '\u2028\u2029', '\\u2028\\u2029'],
  ['tags', 'a\u{e0041}\u{e007f}', 'a\\u{e0041}\\u{e007f}'],
]

test.each(attacks)('%s becomes visible text', (_, text, seen) => {
  expect(escapeControls(text)).toBe(seen)
  expect(escapeControls(`${text}`.repeat(3))).toBe(seen.repeat(3))
})

test.each(attacks)('%s in JSON: the same data, without control characters', (_, text) => {
  const document = { [text]: [text, { deep: text }], plain: 'ü – 🚀 \n\t"' }
  for (const indent of [undefined, 2]) {
    const json = escapeJsonControls(JSON.stringify(document, null, indent))
    expect(JSON.parse(json)).toEqual(document)
    expect(escapeControls(json)).toBe(json)
  }
})

test('lines, tabs, other scripts and symbols stay; a Windows line end is one line end', () => {
  const plain = 'said:\n\tüñï – │ ✖ → 🚀 עברית العربية ไทย\n'
  expect(escapeControls(plain)).toBe(plain)
  expect(escapeControls('one\r\ntwo\r\n')).toBe('one\ntwo\n')
})

test('only our own styles pass, not even one that looks the same', () => {
  const { green, dim, red } = colours(new Chalk({ level: 1 }))
  expect(escapeControls(green('fine'))).toBe('\x1b[32mfine\x1b[39m')
  expect(escapeControls(red(`a ${green('b')} c`))).toBe('\x1b[31ma \x1b[32mb\x1b[39m\x1b[31m c\x1b[39m')
  expect(escapeControls(dim('\x1b[32mspoofed\x1b[39m'))).toBe('\x1b[2m\\x1b[32mspoofed\\x1b[39m\x1b[22m')
  // Printing a style once does not authorise it for the next time.
  const once = escapeControls(green('x'))
  expect(escapeControls(once)).toBe('\\x1b[32mx\\x1b[39m')
  expect(green('')).toBe('')
  // They take no width, and other programs see them as ordinary sequences.
  expect(stripVTControlCharacters(green('fine'))).toBe('fine')
})

test('without colours no style passes', () => {
  const { green } = colours(new Chalk({ level: 0 }))
  expect(green('fine')).toBe('fine')
})

test('a table keeps its columns whatever a cell contains', () => {
  const { green } = colours(new Chalk({ level: 1 }))
  const text = escapeControls(
    formatTable(
      [{ heading: 'A' }, { heading: 'B' }],
      [
        ['\x1b[2Jx', '1'],
        [green('ok'), '2'],
      ],
    ),
  )
  expect(stripVTControlCharacters(text).split('\n')).toEqual(['A         B', '\\x1b[2Jx  1', 'ok        2'])
})
