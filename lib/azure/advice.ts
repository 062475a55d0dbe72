import { formatKeyFile } from '../config/config.ts'
import type { KeyName } from '../config/schema.ts'

/* What to do about a refusal, wherever Azure reports it. */

export const unreachableAdvice = (): string =>
  `Check the network, and HTTPS_PROXY in ${formatKeyFile('HTTPS_PROXY')}; then run this command again.`

export const adviseRole = (
  role: 'Contributor' | 'Reader',
  scope: 'subscription' | 'resource group',
): string => `Ask for the role ${role} on the ${scope} (az role assignment create).`

/** Existing resources cannot move: Azure refuses the same name in another region. */
export function anotherRegion(which: string, key: KeyName = 'AZURE_LOCATION'): string {
  const all = key === 'AZURE_LOCATION'
  return `Set ${key} in ${formatKeyFile(key)} to ${which}${all ? '; resources in the old region do not move, so remove them first' : ''}.`
}

/** @param staysTaken the name of a deleted resource becomes free only after days */
export const anotherName = (key: KeyName, staysTaken?: true): string =>
  `Set ${key} in ${formatKeyFile(key)} to another name${staysTaken ? ', or run this command again in a few days' : ''}.`
