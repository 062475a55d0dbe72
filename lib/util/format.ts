/** `1 release`, `2 releases`. */
export const formatCount = (number: number, thing: string, things = `${thing}s`): string =>
  `${number} ${number === 1 ? thing : things}`

/** Bytes as a person reads them: `82 kB`, `1.07 GB`. */
export const formatBytes = (bytes: number): string => formatScaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB'])

/** A figure in the greatest of these units that it fills, each `base` times the one before it. */
export function formatScaled(figure: number, base: number, units: readonly string[]): string {
  // Rounding must not leave 1024 of a unit: 1023.99 KiB is 1 MiB.
  const power = units.findLastIndex((_, index) => figure >= base ** index * 0.9995)
  const exponent = Math.max(0, power)
  return `${formatFigure(figure / base ** exponent)} ${units[exponent]}`
}

/** Three digits that matter, and no more: 0.125, 1.25, 12.5, 125, 1250. */
export const formatFigure = (figure: number): string =>
  figure >= 100 ? figure.toFixed(0) : String(Number(figure.toPrecision(3)))

/** How long something took or lasts: `25 s`, from two minutes on `4 min`, then `2 h 5 min`, `3 d 4 h`. */
export function formatDuration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000))
  if (seconds < 120) return `${seconds} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 120) return `${minutes} min`
  const two = (number: number, unit: string, rest: number, lesser: string) =>
    `${number} ${unit}${rest > 0 ? ` ${rest} ${lesser}` : ''}`
  if (minutes < 48 * 60) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min')
  const hours = Math.round(minutes / 60)
  return two(Math.floor(hours / 24), 'd', hours % 24, 'h')
}
