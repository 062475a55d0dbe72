const blocks = [...'▁▂▃▄▅▆▇█']
const letters = [...'_.-=+*#@']

/** Does the terminal show more than ASCII? POSIX says it with LC_ALL, LC_CTYPE, LANG, the first that is set. */
export function showsUnicode(env: NodeJS.ProcessEnv = process.env, platform = process.platform): boolean {
  if (platform === 'win32' || platform === 'darwin') return true
  return /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || '')
}

/**
 * A line of figures as a word of at most `width` characters, from 0 to the greatest. Figures that share a character show
 * the greatest, so that no peak is lost; null is a blank: nothing was measured there.
 */
export function sparkline(
  figures: readonly (number | null)[],
  options: { width?: number; unicode?: boolean } = {},
): string {
  const { width = 30, unicode = true } = options
  const cells = unicode ? blocks : letters
  const shown = shorten(figures, width)
  const greatest = Math.max(0, ...shown.map((figure) => figure ?? 0))
  return shown
    .map((figure) => {
      if (figure === null) return ' '
      if (greatest === 0 || figure <= 0) return cells[0]
      return cells[Math.min(cells.length - 1, Math.floor((figure / greatest) * cells.length))]
    })
    .join('')
}

function shorten(figures: readonly (number | null)[], width: number): (number | null)[] {
  if (figures.length <= width) return [...figures]
  return Array.from({ length: width }, (_, cell) => {
    const [from, to] = [cell, cell + 1].map((edge) => Math.round((edge * figures.length) / width))
    const known = figures.slice(from, to).filter((figure) => figure !== null)
    return known.length > 0 ? Math.max(...known) : null
  })
}
