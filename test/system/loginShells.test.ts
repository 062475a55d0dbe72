import { expect, test } from 'vitest'
import { quoteLine } from '../../lib/shell/quote.ts'
import { createFrame } from '../../lib/vps/ssh/frame.ts'
import { runAsLoginShell } from '../support/loginShell.ts'

/* sshd passes a line to whatever login shell the user has. `npm test` installs these shells as Debian packages. */

/** Characters that are special to zsh, fish and csh, in addition to sh's. */
const words = [
  ...["it's", "\\'", '\\\\', 'a\\', '!history !!', '$HOME $(id) `id`', '*', '%~?[]{}<>|&;#', '"', ''],
  ...['two\nlines', 'tab\there', 'ü – 日本', '\\0101', '%s %d', '\u0001', '-n'],
]
const line = `${quoteLine(['printf', '%s\\0', ...words])}; printf '%s' "$LC_ALL" >&2; exit 7`

for (const shell of ['sh', 'bash', 'dash', 'zsh', 'fish', 'tcsh', 'ksh']) {
  test(`${shell} as the login shell runs a line unchanged`, () => {
    const frame = createFrame()
    const done = runAsLoginShell(shell, frame.wrap(line), frame)
    expect(done.stdout.split('\0')).toEqual([...words, ''])
    expect([done.code, done.stderr, done.before[0]]).toEqual([7, 'C', ''])
    const whole = 'printf "%s|" "$LC_ALL"; cat'
    const waited = runAsLoginShell(shell, frame.readingLine, frame, {
      input: `${whole.length}\n${whole}in\nput`,
    })
    expect(waited.stdout).toBe('C|in\nput')
  })
}
