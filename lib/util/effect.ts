/**
 * What a command does to the world.
 * - `read`: looks only; a dry run executes it.
 * - `change`: alters something the configuration describes; a dry run prints it.
 * - `record`: this tool's own bookkeeping (lock, receipt); never counted as a change.
 */
export type EffectKind = 'read' | 'change' | 'record'
