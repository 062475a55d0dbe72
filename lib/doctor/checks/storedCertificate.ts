import { surveyOf } from '../../ionos/survey.ts'
import { type Check, doubtful, fine, wrong } from '../check.ts'

/** What lies on the VPS, and whether something renews it. By fraction: lifetimes get shorter. */
export const storedCertificate: Check = {
  id: 'certificate',
  title: 'Certificate and its renewal',
  category: 'certificate',
  next: 'npx dominion issue-certificate',
  async look({ context, now }) {
    const { certificate } = await surveyOf(context)
    const { lineage, timer, hook } = certificate
    if (!lineage) return wrong('there is none')
    const left =
      (lineage.notAfter.getTime() - now.getTime()) /
      (lineage.notAfter.getTime() - lineage.notBefore.getTime())
    const said = `until ${lineage.notAfter.toISOString().slice(0, 10)}, ${Math.max(0, Math.round(left * 100))} % of its lifetime left`
    if (left < 1 / 8) return wrong(said)
    if (!timer)
      return wrong(`${said}, but certbot.timer does not run: nothing renews it`, 'npx dominion setup-server')
    if (!hook) return doubtful(`${said}, but nginx is not told of a renewed one`)
    return left < 1 / 4 ? doubtful(said) : fine(`${said}; certbot.timer renews it`)
  },
}
