import { Chalk, type ChalkInstance } from 'chalk'

/** Colours for a terminal. chalk itself knows --no-color, but not NO_COLOR (no-color.org). */
export const colours = (): ChalkInstance => new Chalk(process.env.NO_COLOR ? { level: 0 } : {})
