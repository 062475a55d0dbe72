import type { Answer } from '../command/request.ts'

/** Stands in the maintenance page and in the API's answer beside it: by this our own checks tell them from a stranger's 503. */
export const maintenanceMark = 'codex-dominion-maintenance'

/** Is this the page, or the API's answer, of our own maintenance mode? (templates/maintenance.html, maintenancePage.ts) */
export const isOurMaintenance = ({ status, body }: Pick<Answer, 'status' | 'body'>): boolean =>
  status === 503 &&
  (body.includes(`<meta name="generator" content="${maintenanceMark}">`) ||
    generatorOf(body) === maintenanceMark)

function generatorOf(body: string): unknown {
  try {
    return (JSON.parse(body) as { generator?: unknown } | null)?.generator
  } catch {
    return undefined
  }
}
