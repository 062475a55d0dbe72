/** `1 release`, `2 releases`. */
export const count = (number: number, thing: string, things = `${thing}s`): string =>
  `${number} ${number === 1 ? thing : things}`

/** Bytes as a person reads them: `82 kB`, `1.07 GB`. */
export const sizeWords = (bytes: number): string => scaled(bytes, 1000, ['B', 'kB', 'MB', 'GB', 'TB'])

/** A figure in the greatest of these units that it fills, each `base` times the one before it. */
export function scaled(figure: number, base: number, units: readonly string[]): string {
  // Rounding must not leave 1024 of a unit: 1023.99 KiB is 1 MiB.
  const power = units.findLastIndex((_, index) => figure >= base ** index * 0.9995)
  const exponent = Math.max(0, power)
  return `${digits(figure / base ** exponent)} ${units[exponent]}`
}

/** Three digits that matter, and no more: 0.125, 1.25, 12.5, 125, 1250. */
export const digits = (figure: number): string =>
  figure >= 100 ? figure.toFixed(0) : String(Number(figure.toPrecision(3)))
