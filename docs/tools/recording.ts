import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'

/*
 * Records what a command prints on a terminal and writes it as an animated SVG:
 *   bin/node docs/tools/recording.ts FILE COMMAND [ARGUMENT …]
 * script(1) gives the command a terminal. Only plain lines are recorded (CI=true), so no terminal has to be emulated.
 */

const columns = 110
const rows = 30
const seconds = 24
const line = 18
const colours: Record<string, string> = {
  31: '#f7768e',
  32: '#9ece6a',
  33: '#e0af68',
  36: '#7dcfff',
  90: '#787c99',
}

/** SGR sequences (ECMA-48), with their numbers. */
const styles = new RegExp(`${String.fromCharCode(27)}\\[([0-9;]*)m`)

const [file, ...argv] = process.argv.slice(2)
if (!file || argv.length === 0) {
  process.stderr.write('Usage: recording.ts FILE COMMAND [ARGUMENT …]\n')
  process.exit(2)
}

const started = Date.now()
const events: { at: number; text: string }[] = []
const child = spawn(argv[0]!, argv.slice(1), {
  env: { ...process.env, CI: 'true', FORCE_COLOR: '1', COLUMNS: String(columns) },
  stdio: ['ignore', 'pipe', 'pipe'],
})
for (const stream of [child.stdout, child.stderr]) {
  let rest = ''
  stream.on('data', (chunk: Buffer) => {
    process.stdout.write(chunk)
    const lines = (rest + chunk).split(/\r?\n/)
    rest = lines.pop()!
    const at = Date.now() - started
    for (const text of lines) events.push({ at, text })
  })
}
const code = await new Promise((resolve) => child.once('close', resolve))
writeFileSync(file, draw(`$ ${argv.join(' ')}`))
process.exitCode = Number(code)

/** The lines appear one by one and the screen scrolls; the whole run takes `seconds`. */
function draw(title: string): string {
  const total = Math.max(1, ...events.map(({ at }) => at))
  const all = [{ at: 0, text: title }, ...events]
  const percent = (at: number) => ((at / total) * 90).toFixed(2)
  // One step of the scroll for each line beyond the screen.
  const steps = all.flatMap(({ at }, index) =>
    index < rows ? [] : [`${percent(at)}% { transform: translateY(-${(index - rows + 1) * line}px) }`],
  )
  const last = Math.max(0, all.length - rows) * line
  const texts = all.map(({ at, text }, index) => {
    const delay = ((at / total) * seconds * 0.9).toFixed(2)
    return `<text y="${(index + 1) * line}" style="animation-delay:${delay}s">${spans(text)}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${columns * 8.4 + 32} ${rows * line + 32}" font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#c0caf5">
<style>
text { white-space: pre; opacity: 0; animation: show 1ms forwards }
.scroll { animation: scroll ${seconds}s steps(1, end) forwards }
@keyframes show { to { opacity: 1 } }
@keyframes scroll { 0% { transform: none } ${steps.join(' ')} 100% { transform: translateY(-${last}px) } }
@media (prefers-reduced-motion: reduce) { text { animation: none; opacity: 1 } .scroll { animation: none; transform: translateY(-${last}px) } }
</style>
<rect width="100%" height="100%" rx="8" fill="#1a1b26"/>
<svg x="16" y="12" width="${columns * 8.4}" height="${rows * line + 6}" overflow="hidden"><g class="scroll">
${texts.join('\n')}
</g></svg>
</svg>
`
}

/** Text with ANSI colours as spans. */
function spans(text: string): string {
  const parts = text.slice(0, 400).split(styles)
  let out = ''
  let style = ''
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 1) style = styleFor(part.split(';'))
    else out += style && part ? `<tspan ${style}>${escapeXml(part)}</tspan>` : escapeXml(part)
  }
  return out
}

function styleFor(codes: string[]): string {
  const colour = codes.map((each) => colours[each]).find(Boolean)
  if (colour) return `fill="${colour}"`
  if (codes.includes('2')) return 'fill="#787c99"'
  return codes.includes('1') ? 'font-weight="bold"' : ''
}

function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll(/\p{Cc}/gu, '')
}
