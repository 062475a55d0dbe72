/** Milliseconds of the units in which a flag names a while. */
export const unitMs: Readonly<Record<string, number>> = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

// Date.parse takes much else (a bare number is a year); only ISO 8601 has one meaning.
const dateOrTime = /^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/

/**
 * A date and time (ISO 8601; without a zone, this machine's clock), or a date: its midnight on this machine's clock.
 * An invalid Date when it is neither, or names a day that no calendar has.
 */
export function readDateTime(words: string): Date {
  if (!dateOrTime.test(words)) return new Date('')
  const day = words.slice(0, 10)
  // The 30th of February would be read as the 2nd of March.
  const read = new Date(`${day}T00:00Z`)
  if (Number.isNaN(read.getTime()) || read.toISOString().slice(0, 10) !== day) return new Date('')
  // A date alone would be read as UTC's midnight.
  return new Date(words.length === 10 ? `${words}T00:00` : words.replace(' ', 'T'))
}
