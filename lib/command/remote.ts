import type { Readable } from 'node:stream'
import type { ProcessResult } from './process.ts'

/** An open connection to the VPS. lib/ionos/ssh.ts makes one. */
export interface Remote {
  /** Runs one shell line there. Rejects only when the connection itself fails. */
  exec(
    line: string,
    options: {
      stdin?: string | Uint8Array | Readable
      timeoutMs: number
      signal: AbortSignal
      onOutput?: ((chunk: string, from: 'stdout' | 'stderr') => void) | undefined
    },
  ): Promise<ProcessResult>
  /**
   * Starts a line that stays open until `close()`; used for the lock. Resolves at its first line of output or its end.
   * It hears an empty line every `beatMs`, and so can tell a caller that is silent from one that lives.
   */
  hold(
    line: string,
    beatMs: number,
  ): Promise<{ firstLine: string; code: number | undefined; close(): Promise<void>; lost: Promise<void> }>
  close(): void
}
