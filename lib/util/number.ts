/** What a number of the configuration or of a flag may be. */
export interface NumberRange {
  /** No fraction. */
  whole?: boolean
  minimum?: number
  maximum?: number
}

/**
 * Reads a number as a person writes it: decimal digits, with a fraction unless it must be whole. Gives undefined for
 * everything else, and for what is out of range. JavaScript's own Number also reads `Infinity`, `0x10`, `1e3`, ` 5 ` and ''.
 */
export function parseNumber(text: string, range: NumberRange = {}): number | undefined {
  const { whole = false, minimum = 0, maximum = Number.MAX_SAFE_INTEGER } = range
  if (!(whole ? /^[0-9]+$/ : /^[0-9]+(\.[0-9]+)?$/).test(text)) return undefined
  const number = Number(text)
  return number >= minimum && number <= maximum ? number : undefined
}
