import type { Config } from './config.ts'

/** A line of this toolbox to paste, with the environment in use: `npx dominion provision --env prod`. */
export const formatDominionLine = ({ environment }: Pick<Config, 'environment'>, script: string): string =>
  `npx dominion ${script}${environment === 'default' ? '' : ` --env ${environment}`}`
