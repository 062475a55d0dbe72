/* Whether a value that somebody else wrote has the fields and types that are read. */

export type Fits = (value: unknown) => boolean

export const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null
export const isText: Fits = (value) => typeof value === 'string'
export const isNumber: Fits = (value) => Number.isFinite(value)

export const isListOf =
  (fits: Fits): Fits =>
  (value) =>
    Array.isArray(value) && value.every(fits)

export const isOptional =
  (fits: Fits): Fits =>
  (value) =>
    value === undefined || fits(value)

/** An object with these fields; it may have more. */
export const hasFields =
  (wanted: Readonly<Record<string, Fits>>): Fits =>
  (value) =>
    isObject(value) &&
    Object.entries(wanted).every(([name, fits]) => fits((value as Record<string, unknown>)[name]))
