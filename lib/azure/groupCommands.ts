import { type Command, secretFile } from '../command/command.ts'
import type { Config } from '../config/config.ts'
import { azAct } from './az.ts'

/** `az container create --file`: creates the group, or changes it to exactly this. */
export const createGroup = (config: Config, name: string, file: string, subscription: string[]): Command =>
  azAct([
    'container',
    'create',
    '--resource-group',
    config.azure.resourceGroup,
    '--file',
    secretFile(`${name}.json`, file),
    ...subscription,
  ])

export const deleteGroup = (config: Config, name: string, subscription: string[]): Command =>
  azAct([
    'container',
    'delete',
    '--resource-group',
    config.azure.resourceGroup,
    '--name',
    name,
    '--yes',
    ...subscription,
  ])
