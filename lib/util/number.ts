/** The numbers that a key of the configuration or a flag allows. */
export interface NumberRange {
  whole?: boolean
  minimum?: number | undefined
  maximum?: number | undefined
}

/**
 * Parses decimal digits, with a fraction unless it must be whole. Returns undefined for everything else and for a number
 * out of range. JavaScript's own Number also accepts `Infinity`, `0x10`, `1e3`, ` 5 ` and ''.
 */
export function parseNumber(text: string, range: NumberRange = {}): number | undefined {
  const { whole = false, minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = range
  if (!(whole ? /^[0-9]+$/ : /^[0-9]+(\.[0-9]+)?$/).test(text)) return undefined
  const number = Number(text)
  return number >= minimum && number <= maximum ? number : undefined
}
