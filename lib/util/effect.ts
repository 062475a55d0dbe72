/**
 * What a command does outside this program.
 * - `read`: only reads; a dry run executes it.
 * - `change`: changes something that the configuration describes; a dry run prints it.
 * - `record`: this tool's own bookkeeping (lock, receipt); never counted as a change.
 */
export type EffectKind = 'read' | 'change' | 'record'
