import { inWords } from '../ionos/maintenancePage.ts'
import { surveyOf } from '../ionos/survey.ts'
import type { Context } from '../steps/context.ts'

/**
 * The maintenance that hides the site from its visitors, in words; undefined when there is none, or when the VPS does
 * not answer: then a fault is a fault.
 */
export async function plannedMaintenance(context: Context): Promise<string | undefined> {
  const survey = await surveyOf(context).catch(() => undefined)
  return survey?.maintenance && inWords(survey.maintenance)
}

const hidden = ['site-https', 'not-found', 'pages', 'worker-job']

/** Does maintenance mode alone make this check fail? It asks what visitors ask, and gets the maintenance page. */
export const hiddenByMaintenance = ({ id }: { id: string }): boolean =>
  hidden.includes(id) || id.startsWith('api-')
