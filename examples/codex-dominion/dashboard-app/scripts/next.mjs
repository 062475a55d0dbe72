/**
 * Start the Next.js command line with telemetry off.
 *
 * `NEXT_TELEMETRY_DISABLED=1 next build` is POSIX shell syntax that cmd.exe does not know, so the variable is set here,
 * before Next.js reads it. Arguments are passed on as they are: `node scripts/next.mjs build`.
 */
process.env.NEXT_TELEMETRY_DISABLED = '1'
await import('next/dist/bin/next')
