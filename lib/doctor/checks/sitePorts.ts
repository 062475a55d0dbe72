import type { Context } from '../../steps/context.ts'
import { type Check, fine, wrong } from '../check.ts'

/** The CA comes to port 80, visitors to 443. */
export const sitePorts: Check = {
  id: 'site-ports',
  title: 'Ports 80 and 443 of the VPS',
  category: 'ports',
  next: 'npx dominion configure-nginx; and see that the IONOS firewall policy lets both ports in.',
  async look({ context }) {
    const answers = await Promise.all([closed(context, 'http', 80), closed(context, 'https', 443)])
    const faults = answers.filter((answer) => answer !== undefined)
    return faults.length === 0 ? fine('both answer') : wrong(faults.join('; '))
  },
}

/** Why a port is closed; undefined when something answers there, whatever it says. Throws when that cannot be known. */
async function closed(
  { config, runner }: Context,
  scheme: 'http' | 'https',
  port: number,
): Promise<string | undefined> {
  const url = `${scheme}://${config.domain}/`
  try {
    await runner.request({ method: 'HEAD', url, effect: 'read', timeoutMs: 10_000 })
  } catch (thrown) {
    const { code, syscall, message } = causeOf(thrown)
    // A name server may refuse, too; that says nothing of the VPS.
    if (code === 'ECONNREFUSED' && !syscall.startsWith('query')) return `${port} refuses connections`
    // What follows a connection (TLS, HTTP) is for other checks.
    if (/CERT|TLS|SSL|SELF_SIGNED|ECONNRESET|HPE_/.test(code)) return undefined
    throw new Error(`${port}: ${message}`)
  }
  return undefined
}

/** The error of Node at the bottom of what was thrown. */
function causeOf(thrown: unknown): { code: string; syscall: string; message: string } {
  const error = thrown as NodeJS.ErrnoException
  if (error.code === undefined && error.cause instanceof Error) return causeOf(error.cause)
  return { code: error.code ?? '', syscall: error.syscall ?? '', message: error.message }
}
